import { InvalidArgumentError, type Command } from 'commander';
import { setTimeout } from 'node:timers/promises';
import { PipelineError } from '../../core/errors/index.js';
import {
  hasEnded,
  type LogFilter,
  type RunKey,
  type RunLedger,
  type RunRecord,
  type TaskLogLine,
} from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';
import type { CommandContext } from '../context.js';
import { parseCount } from './arguments.js';
import { findRun, withFormer } from '../find-run.js';

interface LogOptions {
  try?: number;
  mapIndex: number;
  runId?: string;
  follow: boolean;
  json?: boolean;
}

/** `millrace run logs`: the lines of a task, also while it runs. */
export function registerLogs(run: Command, context: CommandContext): void {
  run
    .command('logs <run> <task>')
    .description('what a task logged, try by try')
    .option('--try <number>', 'only this try', parseCount)
    .option('--map-index <number>', 'which of the mapped tasks', parseIndex, -1)
    .option('--run-id <id>', 'an earlier execution under the same workflow id')
    .option('--follow', 'go on until the run ends', false)
    .option('--json', 'print one JSON document; with --follow one a line')
    .addHelpText('after', '\nExample:\n  $ millrace run logs millrace.manual.orders-once pull --follow')
    .action(async (id: string, taskId: string, options: LogOptions, command: Command) => {
      const { ledger } = await context.ops(context.settings(command));
      const found = await findRun(ledger, id, options.runId);
      const filter = {
        ...{ taskId, mapIndex: options.mapIndex },
        ...(options.try === undefined ? {} : { tryNumber: options.try }),
      };
      const [, ...former] = await withFormer(ledger, found);
      if (!options.follow) await assertTask(ledger, [found, ...former], taskId, options.mapIndex);
      const lines: TaskLogLine[] = [];
      for await (const line of linesOf(ledger, { found, former, filter, isFollowing: options.follow })) {
        if (options.json === true && !options.follow) lines.push(line);
        else context.output.stdout(`${options.json === true ? JSON.stringify(line) : renderLine(line)}\n`);
      }
      if (options.json === true && !options.follow)
        context.output.stdout(`${JSON.stringify({ lines }, undefined, 2)}\n`);
    });
}

/** @throws PipelineError RUN_NOT_FOUND naming the task */
async function assertTask(
  ledger: RunLedger,
  runs: readonly RunRecord[],
  taskId: string,
  mapIndex: number,
): Promise<void> {
  const tasks = await ledger.listTasks(runs);
  if (tasks.some((task) => task.taskId === taskId && task.mapIndex === mapIndex)) return;
  throw new PipelineError('RUN_NOT_FOUND', {
    what: 'task of this run',
    id: mapIndex < 0 ? taskId : `${taskId}[${String(mapIndex)}]`,
    command: `millrace run show ${runs[0]?.workflowId ?? ''}`,
  });
}

type Place = Omit<LogFilter, 'limit' | 'after'>;

/** Lines of a task, those of the executions that the run goes on from first. */
async function* linesOf(
  ledger: RunLedger,
  {
    found,
    former,
    filter,
    isFollowing,
  }: {
    readonly found: RunRecord;
    readonly former: readonly RunRecord[];
    readonly filter: Omit<Place, keyof RunKey>;
    readonly isFollowing: boolean;
  },
): AsyncGenerator<TaskLogLine> {
  const placeIn = ({ workflowId, runId }: RunRecord): Place => ({ ...filter, workflowId, runId });
  for (const run of [...former].reverse()) yield* read(ledger, placeIn(run));
  yield* isFollowing ? follow(ledger, found, placeIn(found)) : read(ledger, placeIn(found));
}

async function* read(
  ledger: RunLedger,
  filter: Place,
  after?: LogFilter['after'],
): AsyncGenerator<TaskLogLine> {
  for (let place = after; ;) {
    const page = await ledger.logsOf({
      ...filter,
      ...(place === undefined ? {} : { after: place }),
      limit: limits.ledgerPageLines,
    });
    yield* page;
    if (page.length < limits.ledgerPageLines) return;
    place = page.at(-1);
  }
}

/** Lines as they come. The end of a run is written after its lines, so that a last look finds all of them. */
async function* follow(ledger: RunLedger, run: RunRecord, filter: Place): AsyncGenerator<TaskLogLine> {
  let place: LogFilter['after'];
  for (;;) {
    const current = await ledger.getRun(run.workflowId, run.runId);
    for await (const line of read(ledger, filter, place)) {
      place = line;
      yield line;
    }
    if (current === undefined || hasEnded(current.state)) return;
    await setTimeout(limits.ledgerFollowEveryMs);
  }
}

function renderLine({ at, level, tryNumber, message, fields }: TaskLogLine): string {
  const text = `${at} ${level.toUpperCase().padEnd(5)} try ${String(tryNumber)}  ${message}`;
  return fields === undefined ? text : `${text} ${JSON.stringify(fields)}`;
}

function parseIndex(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('Use a whole number from 0 on.');
  return value;
}
