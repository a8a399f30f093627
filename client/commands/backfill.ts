import { Option, type Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import type { CommandContext } from '../context.js';
import {
  backfillStatus,
  createBackfill,
  listBackfills,
  signalBackfill,
  type BackfillStatus,
  type ReprocessBehavior,
} from '../backfills.js';
import { emit, exitCodes, renderTable } from '../output.js';
import { limits } from '../../core/limits.js';
import { parseCount, parseNames, parseParams, parseTime } from './arguments.js';

interface CreateOptions {
  from?: string;
  to?: string;
  gap?: string;
  reprocess?: ReprocessBehavior;
  maxActiveRuns: number;
  runBackwards: boolean;
  tasks?: string[];
  upstream: boolean;
  downstream: boolean;
  params?: JsonObject;
  name?: string;
  dryRun: boolean;
  wait: boolean;
  json?: boolean;
}

/** `millrace backfill …`: runs of past intervals, a bounded number at a time, durably. */
export function registerBackfill(program: Command, context: CommandContext): void {
  const backfill = program
    .command('backfill')
    .description('runs of past data intervals: create, list, status, pause, resume, cancel');
  backfill
    .command('create <dag>')
    .description('run every interval of the schedule whose logical date lies in [from, to)')
    .option('--from <date>', 'first logical date: 1997-01, 1997-01-31 or an instant', parseTime)
    .option('--to <date>', 'logical date to stop before', parseTime)
    .option('--gap <id>', 'instead of a range: what "millrace dag gaps" lists')
    .addOption(
      new Option(
        '--reprocess <behavior>',
        'which intervals that already ran run again (default: none; with --tasks completed)',
      ).choices(['none', 'failed', 'completed']),
    )
    .option('--tasks <names>', 'only these tasks: ids, groups or globs between commas', parseNames)
    .option('--upstream', 'with --tasks: also everything that they come after', false)
    .option('--downstream', 'with --tasks: also everything that comes after them', false)
    .option('--params <json>', 'run parameters as a JSON object', parseParams)
    .option('--name <name>', 'name of the backfill; two with the same name never run at once')
    .option(
      '--max-active-runs <count>',
      'runs at the same time',
      parseCount,
      limits.backfillDefaultActiveRuns,
    )
    .option('--run-backwards', 'newest interval first', false)
    .option('--dry-run', 'list the intervals, start nothing', false)
    .option('--wait', 'wait for the end; exit code 1 when a run fails', false)
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ millrace backfill create purchase-history --from 1997-01 --to 1998-07 --wait',
    )
    .action(async (dagId: string, options: CreateOptions, command: Command) => {
      const settings = context.settings(command);
      const client = await context.client(settings);
      const { tasks: names, upstream, downstream, reprocess, ...rest } = options;
      if (names === undefined && (upstream || downstream))
        throw new PipelineError('USAGE', {
          problem: '--upstream and --downstream widen --tasks',
          hint: 'Give --tasks too',
        });
      const outcome = await createBackfill(client, dagId, {
        ...rest,
        reprocess: reprocess ?? (names === undefined ? 'none' : 'completed'),
        ...(names === undefined ? {} : { tasks: { tasks: names, upstream, downstream } }),
        taskQueue: settings.temporal.taskQueue,
      });
      emit(context.output, options.json === true, outcome, () =>
        'intervals' in outcome
          ? [
              renderTable(
                ['LOGICAL DATE', 'END'],
                outcome.intervals.map((interval) => [interval.start, interval.end]),
              ),
              '',
              ...(outcome.tasks === undefined ? [] : [`tasks: ${outcome.tasks.join(', ')}`]),
              `${String(outcome.intervals.length)} intervals; nothing was started.`,
            ].join('\n')
          : renderStatus(outcome),
      );
      if (!('intervals' in outcome) && outcome.failed > 0) context.exitCode = exitCodes.failed;
    });

  backfill
    .command('list [dag]')
    .description('backfills of a DAG, or of all, newest first')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace backfill list orders')
    .action(async (dagId: string | undefined, options: { json?: boolean }, command: Command) => {
      const backfills = await listBackfills(await context.client(context.settings(command)), dagId);
      emit(context.output, options.json === true, { backfills }, () =>
        backfills.length === 0
          ? 'There is no backfill.'
          : renderTable(
              ['BACKFILL', 'DAG', 'STATUS', 'STARTED', 'CLOSED'],
              backfills.map((item) => [
                item.id,
                item.dagId,
                item.status,
                item.startedAt,
                item.closedAt ?? '-',
              ]),
            ),
      );
    });

  backfill
    .command('status <id>')
    .description('progress of a backfill, or how it ended')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace backfill status ID')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const status = await backfillStatus(await context.client(context.settings(command)), id);
      emit(context.output, options.json === true, status, () => renderStatus(status));
      if (status.failed > 0) context.exitCode = exitCodes.failed;
    });

  for (const [verb, description] of [
    ['pause', 'start no further runs; those under way go on'],
    ['resume', 'go on starting runs'],
    ['cancel', 'start no further runs and end; those under way are cancelled'],
  ] as const) {
    backfill
      .command(`${verb} <id>`)
      .description(description)
      .option('--json', 'print one JSON document')
      .addHelpText('after', `\nExample:\n  $ millrace backfill ${verb} ID`)
      .action(async (id: string, options: { json?: boolean }, command: Command) => {
        await signalBackfill(await context.client(context.settings(command)), id, verb);
        emit(
          context.output,
          options.json === true,
          { id, requested: verb },
          () => `${verb} requested for ${id}`,
        );
      });
  }
}

function renderStatus(status: BackfillStatus): string {
  return [
    `${status.state}  ${status.id}`,
    `${status.total === undefined ? '' : `${String(status.total)} intervals: `}${String(status.started)} started, ${String(status.running)} running, ${String(status.succeeded)} succeeded, ${String(status.failed)} failed, ${String(status.cancelled)} cancelled, ${String(status.skipped)} left alone because they had run or are under way`,
  ].join('\n');
}
