import type { Command } from 'commander';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CommandContext } from '../context.js';
import { describeDataFlow, type DataFlow } from '../data-flows/describe.js';
import { renderFlow, renderIndex, renderLineage } from '../data-flows/render.js';
import { emit, exitCodes } from '../output.js';
import { loadProjectDags } from '../project.js';

/** `millrace docs`: the data flows of the project's DAG files, without Temporal. */
export function registerDocs(program: Command, context: CommandContext): void {
  program
    .command('docs')
    .description('describe the data flows of the DAG files: sources, tables, fields and their tags, lineage')
    .option('--out <folder>', 'write a page for each DAG, an index and data-flows.json there')
    .option('--check', 'exit code 1 where a DAG lacks an owner, or a field a tag', false)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace docs --out docs/data-flows --check')
    .action(async (options: { out?: string; check: boolean; json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const definitions = await loadProjectDags(settings);
      const flows = definitions
        .map(({ spec }) => describeDataFlow(spec))
        .sort((a, b) => (a.dagId < b.dagId ? -1 : 1));
      const problems = [...new Set(flows.flatMap((flow) => flow.problems))];
      const document = { dags: flows, lineage: renderLineage(flows), problems };
      const written =
        options.out === undefined
          ? []
          : writePages(resolve(settings.projectDirectory, options.out), flows, document);
      emit(context.output, options.json === true, { ...document, written }, () =>
        written.length === 0
          ? [renderIndex(flows), ...flows.map(renderFlow)].join('\n')
          : written.map((file) => `wrote ${file}`).join('\n'),
      );
      if (!options.check || problems.length === 0) return;
      if (options.json !== true)
        for (const problem of problems) context.output.stderr(`millrace: ${problem}\n`);
      context.exitCode = exitCodes.failed;
    });
}

function writePages(folder: string, flows: readonly DataFlow[], document: unknown): string[] {
  mkdirSync(folder, { recursive: true });
  const pages = [
    ['index.md', renderIndex(flows)],
    ...flows.map((flow) => [`${flow.dagId}.md`, renderFlow(flow)] as const),
    ['data-flows.json', `${JSON.stringify(document, undefined, 2)}\n`],
  ] as const;
  return pages.map(([name, text]) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  });
}
