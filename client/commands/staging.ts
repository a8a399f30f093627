import type { Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import type { CommandContext } from '../context.js';
import { durationMs } from '../durations.js';
import { emit } from '../output.js';
import { warehousePlace } from '../project.js';
import { stagingPlace } from '../staging.js';

/** `millrace staging …`: the files in which rows wait between tasks. */
export function registerStaging(program: Command, context: CommandContext): void {
  const staging = program.command('staging').description('staged files: check, prune');
  staging
    .command('check')
    .description('write, read and delete a small object where the settings keep staged files')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace staging check')
    .action(async (options: { json?: boolean }, command: Command) => {
      const { createStaging } = await import('../../connectors/staging/index.js');
      const store = await createStaging(stagingPlace(context.settings(command)));
      await store.check();
      await store.probe();
      emit(
        context.output,
        options.json === true,
        { place: store.place },
        () => `${store.place}: written, read and deleted.`,
      );
    });
  staging
    .command('prune')
    .description(
      'remove files that are past "staging.retention" and that no open run needs; a worker does it by itself',
    )
    .option('--dry-run', 'count only', false)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace staging prune --dry-run')
    .action(async (options: { dryRun: boolean; json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const { retention } = settings.staging;
      if (retention === undefined)
        throw new PipelineError('USAGE', {
          problem: 'There is no "staging.retention" in the settings, so that every staged file stays',
          hint: 'Set it, for example to "30d"',
        });
      const { createStaging } = await import('../../connectors/staging/index.js');
      const { warehouseModule } = await import('../../connectors/warehouse-registry.js');
      const { keepLedger } = await import('../../activities/upkeep/ledger-upkeep.js');
      const { keepStaging } = await import('../../activities/upkeep/staging-upkeep.js');
      const [client, store] = [await context.client(settings), await context.ops(settings)];
      const { neededStaging } = await warehouseModule(settings.warehouse.type);
      await keepLedger({ client, store, retentionMs: durationMs(settings.ops.retention) });
      const report = await keepStaging({
        client,
        store,
        staging: await createStaging(stagingPlace(settings)),
        needed: async () =>
          (await neededStaging?.(await warehousePlace(settings, () => context.ops(settings)))) ?? new Set(),
        retentionMs: durationMs(retention),
        isDryRun: options.dryRun,
      });
      if (report === undefined)
        throw new PipelineError('USAGE', {
          problem: 'Another process removes staged files at the moment',
          hint: 'Nothing needs to be done',
        });
      emit(context.output, options.json === true, { ...report, isDryRun: options.dryRun }, () =>
        [
          `${String(report.removedFiles)} of ${String(report.files)} files (${String(report.removedBytes)} bytes), last used before ${report.before}, ${options.dryRun ? 'would be removed' : 'removed'}.`,
          ...(report.neededFiles > 0
            ? [`${String(report.neededFiles)} older ones stay: the warehouse would be made again from them.`]
            : []),
        ].join('\n'),
      );
    });
}
