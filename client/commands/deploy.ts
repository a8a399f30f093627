import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { deployDags } from '../deployment.js';
import { emit, renderTable } from '../output.js';
import { checkPools, deployPools } from '../pools.js';
import { loadProjectDags } from '../project.js';
import { transformNotes } from '../transform-notes.js';
import { warehouseModule } from '../../connectors/warehouse-registry.js';
import { ensureSearchAttributes } from '../../activities/worker/search-attributes.js';

/** `millrace deploy`: makes the deployed DAGs equal to the project's. */
export function registerDeploy(program: Command, context: CommandContext): void {
  program
    .command('deploy')
    .description(
      'make the deployed DAGs equal to those of the dags folder; runs under way keep the spec they started with',
    )
    .option('--dry-run', 'say what would change, and change nothing', false)
    .option('--prune', 'remove deployed DAGs that the folder no longer has', false)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace deploy --dry-run')
    .action(async (options: { dryRun: boolean; prune: boolean; json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const definitions = await loadProjectDags(settings);
      const client = await context.client(settings);
      await checkPools(client, settings, definitions);
      if (!options.dryRun) await ensureSearchAttributes(client);
      const dags = await deployDags(client, definitions, {
        ...options,
        taskQueue: settings.temporal.taskQueue,
      });
      if (!options.dryRun) await deployPools(client, settings, definitions);
      const { transformGaps } = await warehouseModule(settings.warehouse.type);
      const notes = definitions.flatMap(({ spec }) =>
        transformNotes(spec, settings.warehouse.type, transformGaps),
      );
      emit(context.output, options.json === true, { dryRun: options.dryRun, dags, notes }, () =>
        [
          renderTable(
            ['DAG', options.dryRun ? 'WOULD BE' : 'IS', 'SPEC'],
            dags.map((dag) => [dag.dagId, dag.action, dag.specHash.slice(0, 12)]),
          ),
          ...dags.flatMap((dag) => dag.notes ?? []),
          ...notes,
          ...(dags.some((dag) => dag.action === 'orphaned')
            ? ['', 'Orphaned DAGs are still deployed; --prune removes them.']
            : []),
        ].join('\n'),
      );
    });
}
