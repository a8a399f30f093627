import type { Command } from 'commander';
import { setTimeout } from 'node:timers/promises';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { CommandContext } from '../context.js';
import { durationMs } from '../durations.js';
import { emit } from '../output.js';

/** `millrace run sync`: by hand what a worker does now and then. */
export function registerSync(run: Command, context: CommandContext): void {
  run
    .command('sync')
    .description(
      'fill the ledger with what Temporal knows, and apply the retention; a worker does both by itself',
    )
    .option('--full', 'look at every run that Temporal knows, not only at those since the last time', false)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace run sync --full')
    .action(async (options: { full: boolean; json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const client = await context.client(settings);
      const store = await context.ops(settings);
      const { keepLedger } = await import('../../activities/upkeep/ledger-upkeep.js');
      const round = () =>
        keepLedger({
          client,
          store,
          retentionMs: durationMs(settings.ops.retention),
          isFull: options.full,
        });
      const deadline = Date.now() + 2 * limits.ledgerLeaseMs;
      let report = await round();
      while (report === undefined && Date.now() < deadline) {
        context.output.stderr('Another process synchronises the ledger; waiting for it.\n');
        await setTimeout(limits.ledgerFollowEveryMs);
        report = await round();
      }
      if (report === undefined) {
        throw new PipelineError('USAGE', {
          problem: 'Another process goes on synchronising the ledger',
          hint: 'Nothing needs to be done; "millrace run list --all" shows what it has read',
        });
      }
      const { listed, added, corrected, deleted } = report;
      emit(context.output, options.json === true, report, () =>
        [
          `${String(listed)} runs in Temporal: ${String(added)} added to the ledger, ${String(corrected)} corrected; ${String(deleted)} past their retention removed.`,
          ...(added > 0
            ? [
                'Lines that tasks logged are not in Temporal: for the runs that were added there are none, and of tries before the last but one only that they were.',
              ]
            : []),
        ].join('\n'),
      );
    });
}
