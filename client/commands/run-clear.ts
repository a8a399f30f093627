import type { Command } from 'commander';
import { userInfo } from 'node:os';
import { awaitRuns, clearRuns, retryRun, type ClearedRun } from '../clear-runs.js';
import type { CommandContext } from '../context.js';
import { emit, exitCodes, renderTable } from '../output.js';

interface RetryOptions {
  latest: boolean;
  dryRun: boolean;
  wait: boolean;
  by?: string;
  json?: boolean;
}

interface ClearCommandOptions extends RetryOptions {
  upstream: boolean;
  downstream: boolean;
  onlyFailed: boolean;
  past: boolean;
  future: boolean;
  recursive: boolean;
}

/** `millrace run clear` and `millrace run retry`: tasks of a run run again. */
export function registerRunClear(run: Command, context: CommandContext): void {
  withCommon(
    run
      .command('clear <run> [tasks...]')
      .description(
        'run tasks again, and keep what the others have done; tasks are ids, groups or globs, none means all',
      )
      .option('--upstream', 'also everything that the tasks come after', false)
      .option('--downstream', 'also everything that comes after the tasks', false)
      .option('--only-failed', 'of all these, only what failed or never ended', false)
      .option('--past', 'the same in the runs of earlier data intervals', false)
      .option('--future', 'the same in the runs of later data intervals', false)
      .option('--recursive', 'also the tasks of other DAGs that wait for what is cleared', false),
  )
    .addHelpText('after', '\nExample:\n  $ millrace run clear RUN load --downstream --dry-run')
    .action(async (workflowId: string, tasks: string[], options: ClearCommandOptions, command: Command) => {
      const settings = context.settings(command);
      const client = await context.client(settings);
      const runs = await clearRuns(client, workflowId, { ...options, ...byWhom(options, settings), tasks });
      await report(context, runs, options, client);
    });
  withCommon(
    run
      .command('retry <run>')
      .description('run the failed and unfinished tasks of a run again, and what comes after them'),
  )
    .addHelpText('after', '\nExample:\n  $ millrace run retry RUN --wait')
    .action(async (workflowId: string, options: RetryOptions, command: Command) => {
      const settings = context.settings(command);
      const client = await context.client(settings);
      const retried = await retryRun(client, workflowId, { ...options, ...byWhom(options, settings) });
      await report(context, retried === undefined ? [] : [retried], options, client);
    });
}

function withCommon(command: Command): Command {
  return command
    .option('--latest', 'with the deployed spec instead of the one that the run had', false)
    .option('--dry-run', 'list runs and tasks, change nothing', false)
    .option('--wait', 'wait for the end; exit code 1 when a run fails', false)
    .option('--by <name>', 'who clears; default: the user of this machine')
    .option('--json', 'print one JSON document');
}

/** Who acts, and where runs go on. */
export function byWhom(
  { by }: { readonly by?: string },
  { temporal }: { readonly temporal: { readonly taskQueue: string } },
): { by: string; taskQueue: string } {
  return { by: by ?? userInfo().username, taskQueue: temporal.taskQueue };
}

async function report(
  context: CommandContext,
  runs: readonly ClearedRun[],
  { dryRun, wait, json }: RetryOptions,
  client: Awaited<ReturnType<CommandContext['client']>>,
): Promise<void> {
  const hasWaited = wait && !dryRun;
  const endedWell =
    !hasWaited ||
    (await awaitRuns(
      client,
      runs.map(({ workflowId }) => workflowId),
    ));
  if (!endedWell) context.exitCode = exitCodes.failed;
  emit(context.output, json === true, { dryRun, runs, ...(hasWaited ? { endedWell } : {}) }, () => {
    if (runs.length === 0) return 'Nothing is to be cleared.';
    const tasks = runs.reduce((sum, run) => sum + run.taskIds.length, 0);
    return [
      renderTable(
        ['RUN', 'INTERVAL', 'ACTION', 'TASKS'],
        runs.map((run) => [
          run.workflowId,
          run.interval?.start ?? '-',
          run.action,
          run.taskIds.join(', ') || '-',
        ]),
      ),
      ...runs.flatMap((run) => run.triggers.map((id) => `starts anew: ${id}`)),
      '',
      `${String(runs.length)} runs, ${String(tasks)} tasks${dryRun ? '; nothing was changed' : ''}.`,
      ...(hasWaited ? [endedWell ? 'All ended well.' : 'Not all ended well.'] : []),
    ].join('\n');
  });
}
