import type { Command } from 'commander';
import type { Gap } from '../../core/schedule/gaps.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';
import { pauseDag, resumeDag } from '../pauses.js';
import { listGaps } from '../watches.js';

/** `millrace dag pause`, `unpause` and `gaps`. */
export function registerPauses(dag: Command, context: CommandContext): void {
  dag
    .command('pause <dag>')
    .description('start no further runs; runs under way go on')
    .option('--reason <text>', 'kept with the DAG', 'paused by hand')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace dag pause orders --reason "source moves house"')
    .action(async (dagId: string, options: { reason: string; json?: boolean }, command: Command) => {
      await pauseDag(await context.client(context.settings(command)), dagId, options.reason);
      emit(context.output, options.json === true, { dagId, isPaused: true }, () => `${dagId} is paused`);
    });

  dag
    .command('unpause <dag>')
    .description('start runs again; lists the intervals that did not run meanwhile, for a backfill')
    .option('--reason <text>', 'kept with the DAG', 'resumed by hand')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace dag unpause orders --reason "source is back"')
    .action(async (dagId: string, options: { reason: string; json?: boolean }, command: Command) => {
      const client = await context.client(context.settings(command));
      const { gap, intervals } = await resumeDag(client, dagId, options.reason);
      const result = { dagId, isPaused: false, ...(gap === undefined ? {} : { gap, intervals }) };
      emit(context.output, options.json === true, result, () =>
        gap === undefined
          ? `${dagId} is active; no interval was left out`
          : [
              `${dagId} is active; ${String(gap.count)} intervals did not run (${gap.note ?? 'paused'}):`,
              renderTable(
                ['LOGICAL DATE', 'END'],
                intervals.map(({ start, end }) => [start, end]),
              ),
              ...(gap.count > intervals.length ? [`… and ${String(gap.count - intervals.length)} more`] : []),
              `Run them with: ${backfillCommand(dagId, gap)}`,
            ].join('\n'),
      );
    });

  dag
    .command('gaps <dag>')
    .description('intervals of the schedule that have no run, and why')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace dag gaps orders')
    .action(async (dagId: string, options: { json?: boolean }, command: Command) => {
      const gaps = await listGaps(await context.client(context.settings(command)), dagId);
      emit(context.output, options.json === true, { gaps }, () =>
        gaps.length === 0
          ? `Every interval of "${dagId}" has its run.`
          : [
              renderTable(
                ['GAP', 'FROM', 'TO', 'INTERVALS', 'WHY'],
                gaps.map((gap) => [gap.id, gap.from, gap.to, gap.count, whyOf(gap)]),
              ),
              '',
              `Run one with: ${backfillCommand(dagId, gaps[0] ?? { id: 'GAP' })}`,
            ].join('\n'),
      );
    });
}

function backfillCommand(dagId: string, gap: Pick<Gap, 'id'>): string {
  return `millrace backfill create ${dagId} --gap ${gap.id}`;
}

function whyOf({ reason, note, backfillId }: Gap): string {
  return `${reason}${note === undefined ? '' : ` (${note})`}${backfillId === undefined ? '' : `; backfill ${backfillId}`}`;
}
