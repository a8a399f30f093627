import { userInfo } from 'node:os';
import { Option, type Command } from 'commander';
import { anomalyStatuses, type Anomaly, type AnomalyStatus } from '../../core/quality/anomaly.js';
import { describeAnomaly } from '../../core/quality/describe-anomaly.js';
import { decideAnomaly, getAnomaly, listAnomalies } from '../anomalies.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';
import { parseCount } from './arguments.js';

/** `millrace anomalies …`: batches that are not like those before them. */
export function registerAnomalies(program: Command, context: CommandContext): void {
  const anomalies = program
    .command('anomalies')
    .description('batches that are not like those before them: list, show, accept, reject');
  anomalies
    .command('list')
    .description('anomalies that nobody has decided about, newest first')
    .option('--dag <id>', 'of this DAG only')
    .option('--all', 'decided and corrected ones too')
    .addOption(
      new Option('--status <status>', 'those with this status only')
        .choices(anomalyStatuses)
        .conflicts('all'),
    )
    .option('--limit <count>', 'newest so many', parseCount, 100)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace anomalies list --dag orders')
    .action(
      async (
        options: {
          dag?: string;
          all?: boolean;
          status?: AnomalyStatus;
          limit: number;
          json?: boolean;
        },
        command: Command,
      ) => {
        const found = await listAnomalies(await context.ops(context.settings(command)), {
          limit: options.limit,
          ...(options.dag === undefined ? {} : { dagId: options.dag }),
          ...(options.status === undefined ? {} : { status: options.status }),
          ...(options.all === true ? { status: 'all' as const } : {}),
        });
        emit(context.output, options.json === true, { anomalies: found }, () => renderList(found));
      },
    );
  anomalies
    .command('show <anomaly>')
    .description('one anomaly: what was found, what was usual, and what was decided')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace anomalies show 3f0c2b9d61aa7e54-1')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const anomaly = await getAnomaly(await context.ops(context.settings(command)), id);
      emit(context.output, options.json === true, anomaly, () => renderOne(anomaly));
    });
  for (const [verb, decision, effect] of [
    ['accept', 'accepted', 'later batches are compared with this one too, and a run that waits goes on'],
    ['reject', 'rejected', 'later batches are not compared with this one, and a run that waits fails'],
  ] as const) {
    anomalies
      .command(`${verb} <anomaly>`)
      .description(`${verb} an anomaly: ${effect}`)
      .option('--by <name>', 'who decides; default: the user of this machine')
      .option('--comment <text>', 'why')
      .option('--json', 'print one JSON document')
      .addHelpText(
        'after',
        `\nExample:\n  $ millrace anomalies ${verb} 3f0c2b9d61aa7e54-1 --comment "a sale"`,
      )
      .action(
        async (id: string, options: { by?: string; comment?: string; json?: boolean }, command: Command) => {
          const settings = context.settings(command);
          const parts = {
            client: await context.client(settings),
            ops: await context.ops(settings),
            settings,
          };
          const anomaly = await decideAnomaly(parts, id, {
            decision,
            by: options.by ?? userInfo().username,
            ...(options.comment === undefined ? {} : { comment: options.comment }),
          });
          emit(context.output, options.json === true, anomaly, () => renderOne(anomaly));
        },
      );
  }
}

function renderList(anomalies: readonly Anomaly[]): string {
  if (anomalies.length === 0) return 'No such anomaly.';
  return renderTable(
    ['ANOMALY', 'DAG', 'TASK', 'FOUND', 'STATUS', 'WHAT'],
    anomalies.map((anomaly) => [
      anomaly.id,
      anomaly.dagId,
      anomaly.taskId,
      anomaly.foundAt,
      statusOf(anomaly),
      describeAnomaly(anomaly),
    ]),
  );
}

function renderOne(anomaly: Anomaly): string {
  const { id, dagId, taskId, workflowId, foundAt, score, threshold, decidedBy, comment = '' } = anomaly;
  const lines = [
    `${id}  ${statusOf(anomaly)}`,
    describeAnomaly(anomaly),
    `task   ${dagId}/${taskId}`,
    `run    ${workflowId}`,
    `found  ${foundAt}`,
    `score  ${score.toFixed(2)}, over ${threshold.toFixed(2)}`,
  ];
  if (decidedBy !== undefined) lines.push(`by     ${decidedBy}${comment === '' ? '' : `: ${comment}`}`);
  return lines.join('\n');
}

function statusOf({ status, isWaiting }: Anomaly): string {
  return status === 'open' && isWaiting ? 'open, the run waits' : status;
}
