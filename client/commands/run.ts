import { Option, type Command } from 'commander';
import { hasEnded, runStates, type RunState } from '../../core/run/ledger.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { runTypes, type RunType } from '../../core/run/run.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';
import { inOrderOfStart, shorten } from '../run-grid.js';
import { findRun, tasksOf, withFormer } from '../find-run.js';
import { durationText, renderRun } from '../run-text.js';
import { parseCount, parseTime } from './arguments.js';
import { registerRunControl } from './run-control.js';
import { registerRunClear } from './run-clear.js';
import { registerLogs } from './run-logs.js';
import { registerSync } from './run-sync.js';

/** `millrace run …`: what the run ledger keeps. */
export function registerRun(program: Command, context: CommandContext): void {
  const run = program.command('run').description('runs: list, show, logs, clear, retry, cancel, sync');
  registerList(run, context);
  registerShow(run, context);
  registerLogs(run, context);
  registerRunClear(run, context);
  registerSync(run, context);
  registerRunControl(run, context);
}

interface ListOptions {
  all: boolean;
  state?: RunState;
  type?: RunType;
  since?: string;
  limit: number;
  json?: boolean;
}

function registerList(run: Command, context: CommandContext): void {
  run
    .command('list [dag]')
    .description('runs of a DAG, or of all, newest first')
    .option('--all', 'of every DAG', false)
    .addOption(new Option('--state <state>', 'only these').choices([...runStates]))
    .addOption(new Option('--type <type>', 'only these').choices([...runTypes]))
    .option('--since <time>', 'started at or after', parseTime)
    .option('--limit <count>', 'how many', parseCount, 20)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace run list orders --state failed --since 2026-01-01')
    .action(async (dagId: string | undefined, options: ListOptions, command: Command) => {
      if ((dagId === undefined) !== options.all) {
        throw new PipelineError('USAGE', {
          problem: '"run list" lists the runs of one DAG or of all',
          hint: 'Name a DAG, or give --all',
        });
      }
      const { ledger } = await context.ops(context.settings(command));
      const runs = await ledger.listRuns({
        ...(dagId === undefined ? {} : { dagId }),
        ...(options.state === undefined ? {} : { state: options.state }),
        ...(options.type === undefined ? {} : { runType: options.type }),
        ...(options.since === undefined ? {} : { since: options.since }),
        limit: options.limit,
      });
      emit(context.output, options.json === true, { runs }, () =>
        runs.length === 0
          ? 'The ledger has no such run. "millrace run sync" reads what Temporal knows.'
          : renderTable(
              ['RUN', 'DAG', 'TYPE', 'STATE', 'INTERVAL', 'STARTED', 'DURATION'],
              runs.map((item) => [
                item.workflowId,
                item.dagId,
                item.runType,
                item.state,
                item.interval === undefined
                  ? '-'
                  : `${shorten(item.interval.start)} … ${shorten(item.interval.end)}`,
                item.startedAt,
                durationText(item.startedAt, item.endedAt),
              ]),
            ),
      );
    });
}

function registerShow(run: Command, context: CommandContext): void {
  run
    .command('show <run>')
    .description('one run: its tasks with every try, counts and parameters')
    .option('--run-id <id>', 'an earlier execution under the same workflow id')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace run show millrace.run.orders-2026-02-01T00:00:00Z')
    .action(async (id: string, options: { runId?: string; json?: boolean }, command: Command) => {
      const { ledger } = await context.ops(context.settings(command));
      const found = await findRun(ledger, id, options.runId);
      const tasks = inOrderOfStart(await tasksOf(ledger, await withFormer(ledger, found)));
      const runtimes = await ledger.runtimesMs(found.dagId, limits.ledgerUsualRuns);
      const usualMs =
        runtimes.length === 0
          ? undefined
          : Math.round(runtimes.reduce((sum, each) => sum + each, 0) / runtimes.length);
      emit(
        context.output,
        options.json === true,
        { run: found, tasks, ...(usualMs === undefined ? {} : { usualRuntimeMs: usualMs }) },
        () => renderRun(found, tasks, usualMs, runtimes.length),
      );
      if (hasEnded(found.state)) return;
      context.output.stderr('The run is under way.\n');
    });
}
