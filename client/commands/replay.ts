import type { Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import type { CommandContext } from '../context.js';
import { emit, exitCodes, renderTable } from '../output.js';
import { replayHistories, runningHistories } from '../replay.js';
import { readHistoryFile } from '../temporal/history-file.js';
import { parseCount } from './arguments.js';

interface ReplayOptions {
  running: boolean;
  dag?: string;
  limit: number;
  json?: boolean;
}

/** `millrace replay …`: whether recorded or running workflows would go on with the present code. */
export function registerReplay(program: Command, context: CommandContext): void {
  program
    .command('replay [history...]')
    .description('try recorded histories, or those of running workflows, against the present code')
    .option('--running', 'the histories of workflows that are under way', false)
    .option('--dag <dag>', 'with --running: only of this DAG')
    .option('--limit <count>', 'with --running: how many, newest first', parseCount, 100)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExit code 1 where a history does not fit.\n\nExample:\n  $ millrace replay --running\n  $ millrace replay histories/orders.json',
    )
    .action(async (files: string[], options: ReplayOptions, command: Command) => {
      if (files.length === 0 && !options.running) {
        throw new PipelineError('USAGE', {
          problem: 'There is nothing to replay',
          hint: 'Name history files, or give --running',
        });
      }
      const running = options.running
        ? await runningHistories(await context.client(context.settings(command)), {
            limit: options.limit,
            ...(options.dag === undefined ? {} : { dagId: options.dag }),
          })
        : [];
      const outcomes = await replayHistories([
        ...files.map((name) => ({ name, history: readHistoryFile(name) })),
        ...running,
      ]);
      const failed = outcomes.filter(({ isCompatible }) => !isCompatible).length;
      emit(context.output, options.json === true, { outcomes, failed }, () =>
        [
          renderTable(
            ['HISTORY', 'FITS', 'REASON'],
            outcomes.map(({ name, isCompatible, reason }) => [
              name,
              isCompatible ? 'yes' : 'NO',
              reason ?? '',
            ]),
          ),
          '',
          `${String(outcomes.length)} histories, ${String(failed)} do not fit the present code.`,
        ].join('\n'),
      );
      if (failed > 0) context.exitCode = exitCodes.failed;
    });
}
