import type { Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';

/** `millrace hooks …`: addresses of platforms that the gateway tells of runs and alarms. */
export function registerHooks(program: Command, context: CommandContext): void {
  const hooks = program
    .command('hooks')
    .description('addresses that the gateway tells of runs and alarms: list, remove');
  hooks
    .command('list')
    .description('every hook, with what waits for it and why it was not told last')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace hooks list')
    .action(async (options: { json?: boolean }, command: Command) => {
      const store = await context.ops(context.settings(command));
      const found = await store.hooks.list();
      emit(context.output, options.json === true, { hooks: found }, () =>
        found.length === 0
          ? 'There is no hook. Platforms make them: POST /api/hooks.'
          : renderTable(
              ['HOOK', 'CALLER', 'EVENT', 'DAG', 'TARGET', 'SINCE', 'WAITING', 'FAILURES', 'PROBLEM'],
              found.map((hook) => [
                hook.id,
                hook.caller,
                hook.event,
                hook.dagId ?? '*',
                hook.targetOrigin,
                hook.createdAt,
                hook.waiting,
                hook.failures,
                hook.lastProblem ?? '',
              ]),
            ),
      );
    });
  hooks
    .command('remove <hook>')
    .description('remove a hook, and what waits for it')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace hooks remove hook_1f0c2b9d61aa7e543f0c2b9d')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const store = await context.ops(context.settings(command));
      if (!(await store.hooks.remove(id))) throw new PipelineError('HOOK_NOT_FOUND', { id });
      emit(context.output, options.json === true, { id, removed: true }, () => `Hook ${id} is removed.`);
    });
}
