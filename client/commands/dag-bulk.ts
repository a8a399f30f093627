import { Option, type Command } from 'commander';
import { PipelineError } from '../../core/errors/index.js';
import type { RunType } from '../../core/run/run.js';
import { cancelRuns, retryRuns, type BulkRun } from '../bulk-runs.js';
import type { CommandContext } from '../context.js';
import type { FoundState } from '../find-runs.js';
import { emit, exitCodes, renderTable } from '../output.js';
import { parseCount, parseTime } from './arguments.js';
import { byWhom } from './run-clear.js';

interface FilterOptions {
  all: boolean;
  since?: string;
  until?: string;
  type?: RunType;
  limit?: number;
  dryRun: boolean;
  yes: boolean;
  json?: boolean;
}

type RetryOptions = FilterOptions & { state: FoundState; latest: boolean; by?: string };

const runTypes = ['scheduled', 'manual', 'backfill', 'asset_triggered', 'replay'] satisfies RunType[];

/** `millrace dag retry` and `millrace dag cancel`: many runs at once. */
export function registerBulk(dag: Command, context: CommandContext): void {
  withFilter(
    dag
      .command('retry [dag]')
      .description('run the failed and unfinished tasks of many runs again, and what comes after them')
      .addOption(
        new Option('--state <state>', 'runs in this state')
          .choices(['failed', 'cancelled', 'terminated', 'timed-out'])
          .default('failed'),
      )
      .option('--latest', 'with the deployed spec instead of the one that each run had', false)
      .option('--by <name>', 'who retries; default: the user of this machine'),
  )
    .addHelpText('after', '\nExample:\n  $ millrace dag retry orders --since 2026-01-31 --yes')
    .action(async (dagId: string | undefined, options: RetryOptions, command: Command) => {
      const settings = context.settings(command);
      refuseTarget(dagId, options);
      const client = await context.client(settings);
      const runs = await retryRuns(client, {
        ...bulkOptions(dagId, options, options.state),
        ...byWhom(options, settings),
        latest: options.latest,
      });
      report(context, runs, options);
    });
  withFilter(
    dag.command('cancel [dag]').description('ask many running runs to end; their teardowns still run'),
  )
    .addHelpText('after', '\nExample:\n  $ millrace dag cancel orders --type backfill --yes')
    .action(async (dagId: string | undefined, options: FilterOptions, command: Command) => {
      refuseTarget(dagId, options);
      const client = await context.client(context.settings(command));
      report(context, await cancelRuns(client, bulkOptions(dagId, options, 'running')), options);
    });
}

function withFilter(command: Command): Command {
  return command
    .option('--all', 'of every DAG', false)
    .option('--since <time>', 'started at or after', parseTime)
    .option('--until <time>', 'started before', parseTime)
    .addOption(new Option('--type <type>', 'runs of this type').choices(runTypes))
    .option('--limit <count>', 'at most so many, the oldest first', parseCount)
    .option('--dry-run', 'list the runs, change nothing', false)
    .option('--yes', 'do it; without it the runs are listed, and the exit code is 2', false)
    .option('--json', 'print one JSON document');
}

/** @throws PipelineError USAGE */
function refuseTarget(dagId: string | undefined, { all }: FilterOptions): void {
  if ((dagId === undefined) === all) return;
  throw new PipelineError('USAGE', {
    problem: 'This takes the runs of one DAG, or of all',
    hint: 'Name a DAG, or give --all',
  });
}

function bulkOptions(
  dagId: string | undefined,
  { since, until, type, limit, dryRun, yes }: FilterOptions,
  state: FoundState,
): Parameters<typeof cancelRuns>[1] {
  return {
    filter: {
      state,
      ...(dagId === undefined ? {} : { dagId }),
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      ...(type === undefined ? {} : { type }),
    },
    ...(limit === undefined ? {} : { limit }),
    dryRun: dryRun || !yes,
  };
}

function report(
  context: CommandContext,
  runs: readonly BulkRun[],
  { dryRun, yes, json }: FilterOptions,
): void {
  const isUnconfirmed = !dryRun && !yes;
  emit(context.output, json === true, { dryRun: dryRun || !yes, runs }, () =>
    [
      ...(runs.length === 0
        ? ['No run fits.']
        : [
            renderTable(
              ['RUN', 'DAG', 'STARTED', 'ACTION'],
              runs.map((run) => [run.workflowId, run.dagId, run.startedAt, run.error?.code ?? run.action]),
            ),
            '',
            `${String(runs.length)} runs${dryRun || !yes ? '; nothing was changed' : ''}.`,
          ]),
      ...(isUnconfirmed ? ['Give --yes to do it.'] : []),
    ].join('\n'),
  );
  if (isUnconfirmed) context.exitCode = exitCodes.usage;
  else if (runs.some((run) => run.action === 'refused')) context.exitCode = exitCodes.failed;
}
