import type { Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';
import { loadProjectDags } from '../project.js';
import { parseCount, parseTime } from './arguments.js';

interface SampleOptions {
  rows: number;
  from?: string;
  to?: string;
  json?: boolean;
}

/** `millrace dag sample`: the first records of a source, before anything is deployed. */
export function registerSample(dag: Command, context: CommandContext): void {
  dag
    .command('sample <dag> <task>')
    .description(
      'first records of an extract task of the DAG files, and their members; loads nothing, moves no cursor',
    )
    .option('--rows <count>', 'records at most', parseCount, limits.sampleRows)
    .option(
      '--from <time>',
      'begin of the data interval of a task that reads by interval; default: a day ago',
      parseTime,
    )
    .option('--to <time>', 'end of that interval; default: now', parseTime)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace dag sample orders pull --rows 3')
    .action(async (dagId: string, taskId: string, options: SampleOptions, command: Command) => {
      const settings = context.settings(command);
      const definitions = await loadProjectDags(settings);
      const definition = definitions.find(({ spec }) => spec.id === dagId);
      if (definition === undefined)
        throw new PipelineError('DAG_NOT_FOUND', {
          dagId,
          known: definitions.map(({ spec }) => spec.id).join(', ') || 'no DAG file',
        });
      const { sampleTask } = await import('../sample.js');
      const end = options.to ?? new Date().toISOString();
      const start = options.from ?? new Date(Date.parse(end) - limits.sampleIntervalMs).toISOString();
      const sample = await sampleTask(settings, await context.ops(settings), definition, {
        ...{ taskId, maxRows: Math.min(options.rows, limits.sampleMaxRows), interval: { start, end } },
      });
      emit(context.output, options.json === true, sample, () =>
        [
          `${dagId}/${taskId} ← ${sample.connector}/${sample.stream} · records: ${String(sample.lines.length)}, deletions: ${String(sample.deletes.length)}, rejected: ${String(sample.rejected)}`,
          ...(sample.columns.length === 0
            ? []
            : [
                '',
                renderTable(
                  ['MEMBER', 'KINDS'],
                  sample.columns.map(({ name, kinds }) => [name, kinds.join(', ')]),
                ),
              ]),
          ...(sample.lines.length === 0 ? [] : ['', ...sample.lines]),
        ].join('\n'),
      );
    });
}
