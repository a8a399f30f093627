import type { Command } from 'commander';
import { listAllAlarms, testAlarmSinks } from '../alarms.js';
import type { CommandContext } from '../context.js';
import { emit, exitCodes, renderTable } from '../output.js';

/** `millrace alarms …`: what is wrong with schedules, runs and data of deployed DAGs, and whether people hear of it. */
export function registerAlarms(program: Command, context: CommandContext): void {
  const alarms = program
    .command('alarms')
    .description(
      'alarms: missed and failed runs, paused DAGs, anomalies, quarantine, changed and late tables',
    );
  alarms
    .command('list')
    .description('open alarms, oldest first; exit code 1 when there is one')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace alarms list')
    .action(async (options: { json?: boolean }, command: Command) => {
      const settings = context.settings(command);
      const open = await listAllAlarms(await context.client(settings), await context.ops(settings));
      emit(context.output, options.json === true, { alarms: open }, () =>
        open.length === 0
          ? 'No alarm is open.'
          : renderTable(
              ['DAG', 'ALARM', 'SUBJECT', 'SINCE', 'COUNT', 'MESSAGE'],
              open.map(({ dagId, kind, subject = '', raisedAt, count, message }) => [
                dagId,
                kind,
                subject,
                raisedAt,
                count,
                message,
              ]),
            ),
      );
      if (open.length > 0) context.exitCode = exitCodes.failed;
    });
  alarms
    .command('test')
    .description(
      'send a notice, and that it is over, to every sink of the settings; exit code 1 when one refuses',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace alarms test')
    .action(async (options: { json?: boolean }, command: Command) => {
      const sinks = await testAlarmSinks(context.settings(command));
      emit(context.output, options.json === true, { sinks }, () =>
        renderTable(
          ['SINK', 'RESULT'],
          sinks.map(({ sink, error }) => [sink, error ?? 'sent']),
        ),
      );
      if (sinks.some(({ error }) => error !== undefined)) context.exitCode = exitCodes.failed;
    });
}
