import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { emit, exitCodes, renderTable } from '../output.js';
import { reconcileDag } from '../reconciliations.js';
import { intervalOption, parseTime } from './arguments.js';

/** `millrace reconcile`: compares each table of a DAG with its source, row by row. */
export function registerReconcile(program: Command, context: CommandContext): void {
  program
    .command('reconcile <dag>')
    .description('compare the tables of a DAG with their sources; exit code 1 where they differ')
    .option('--from <time>', 'only this data interval: start', parseTime)
    .option('--to <time>', 'only this data interval: end, exclusive', parseTime)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace reconcile shop-orders')
    .action(
      async (dagId: string, options: { from?: string; to?: string; json?: boolean }, command: Command) => {
        const settings = context.settings(command);
        const reports = await reconcileDag(await context.client(settings), dagId, {
          taskQueue: settings.temporal.taskQueue,
          ...intervalOption(options.from, options.to),
        });
        emit(context.output, options.json === true, { reports }, () =>
          [
            renderTable(
              ['TABLE', 'STATUS', 'SOURCE', 'WAREHOUSE', 'MISSING', 'EXTRA', 'CHANGED'],
              reports.map((report) => [
                report.table,
                report.status,
                report.sourceRows,
                report.warehouseRows,
                report.missing,
                report.extra,
                report.changed,
              ]),
            ),
            ...reports.flatMap((report) =>
              (['missing', 'extra', 'changed'] as const).flatMap((kind) =>
                report.samples[kind].map((key) => `${report.table}: ${kind} ${key}`),
              ),
            ),
          ].join('\n'),
        );
        if (reports.some((report) => report.status !== 'clean')) context.exitCode = exitCodes.failed;
      },
    );
}
