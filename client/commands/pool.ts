import type { Command } from 'commander';
import type { Lease } from '../../core/pools/pool-state.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';
import { deletePool, listPools, setPool, showPool } from '../pools.js';
import { parseSlots } from './arguments.js';

/** `millrace pool …`: slots that tasks of all runs share. */
export function registerPool(program: Command, context: CommandContext): void {
  const pool = program
    .command('pool')
    .description('pools of slots that tasks share: list, show, set, delete');
  pool
    .command('list')
    .description('every pool, with what is used and who waits; also those behind the bounds of DAGs')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace pool list')
    .action(async (options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const pools = await listPools(await context.client(settings), settings);
      emit(context.output, options.json === true, { pools }, () =>
        pools.length === 0
          ? 'There is no pool. Add one under "pools" in the settings, or with "millrace pool set".'
          : renderTable(
              ['POOL', 'FROM', 'SLOTS', 'USED', 'WAITING', 'DESCRIPTION'],
              pools.map((item) => [
                item.pool,
                item.origin,
                item.slots,
                item.usedSlots,
                item.waiting,
                item.description,
              ]),
            ),
      );
    });
  pool
    .command('show <name>')
    .description('size of a pool, who holds its slots and who waits, in the order in which they are served')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace pool show crm')
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const view = await showPool(await context.client(settings), settings, name);
      emit(context.output, options.json === true, { pool: name, ...view }, () =>
        [
          `${name}  ${String(view.usedSlots)} of ${String(view.slots)} slots used, ${String(view.holding)} holding, ${String(view.waiting)} waiting`,
          ...leases('HOLDER', view.holders),
          ...leases('WAITER', view.waiters),
        ].join('\n'),
      );
    });
  pool
    .command('set')
    .argument('<name>', 'name of the pool')
    .argument('<slots>', 'how many', parseSlots)
    .description(
      'change the size of a pool, or make one; holds until its size in the settings changes. 0 pauses it',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace pool set crm 2')
    .action(async (name: string, slots: number, options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      await setPool(await context.client(settings), settings, name, slots);
      emit(
        context.output,
        options.json === true,
        { pool: name, slots },
        () => `${name} has ${String(slots)} slots`,
      );
    });
  pool
    .command('delete <name>')
    .description('remove a pool that nobody uses; one of the settings comes back with the next deploy')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace pool delete crm')
    .action(async (name: string, options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      await deletePool(await context.client(settings), settings, name);
      emit(
        context.output,
        options.json === true,
        { pool: name, isDeleted: true },
        () => `${name} is deleted`,
      );
    });
}

function leases(title: string, list: readonly Lease[]): string[] {
  if (list.length === 0) return [];
  const rows = list.map(({ workflowId, label, slots, priorityWeight, since }) => [
    workflowId,
    label,
    slots,
    priorityWeight,
    since,
  ]);
  return ['', renderTable([title, 'WHAT', 'SLOTS', 'PRIORITY', 'SINCE'], rows)];
}
