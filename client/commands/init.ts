import type { Command } from 'commander';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CommandContext } from '../context.js';
import { emit } from '../output.js';
import { projectTemplate } from '../project-template.js';

/** `millrace init`: writes a project that `millrace dev` runs. */
export function registerInit(program: Command, context: CommandContext): void {
  program
    .command('init')
    .description('write a new project into the project folder: a DAG, a schema, settings')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace init --project my-pipelines')
    .action((options: { json?: boolean }, command: Command) => {
      const folder = context.projectDirectory(command);
      const created: string[] = [];
      const kept: string[] = [];
      for (const [name, content] of Object.entries(projectTemplate)) {
        const path = join(folder, name);
        if (existsSync(path)) {
          kept.push(name);
          continue;
        }
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, content);
        created.push(name);
      }
      emit(context.output, options.json === true, { folder, created, kept }, () =>
        [
          ...created.map((name) => `created  ${name}`),
          ...kept.map((name) => `kept     ${name} (already there)`),
          '',
          'Next: millrace dev',
        ].join('\n'),
      );
    });
}
