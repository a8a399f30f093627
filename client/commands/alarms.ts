import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { emit, exitCodes, renderTable } from '../output.js';
import { listAlarms } from '../watches.js';

/** `millrace alarms …`: what is wrong with the schedules of deployed DAGs. */
export function registerAlarms(program: Command, context: CommandContext): void {
  program
    .command('alarms')
    .description('open alarms of schedules: runs that were missed or left out, DAGs paused after failures')
    .command('list')
    .description('open alarms, oldest first; exit code 1 when there is one')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace alarms list')
    .action(async (options: { json?: boolean }, command: Command) => {
      const alarms = await listAlarms(await context.client(context.settings(command)));
      emit(context.output, options.json === true, { alarms }, () =>
        alarms.length === 0
          ? 'No alarm is open.'
          : renderTable(
              ['DAG', 'ALARM', 'SINCE', 'RUNS', 'MESSAGE'],
              alarms.map(({ dagId, kind, raisedAt, count, message }) => [
                dagId,
                kind,
                raisedAt,
                count,
                message,
              ]),
            ),
      );
      if (alarms.length > 0) context.exitCode = exitCodes.failed;
    });
}
