import type { TaskState } from '../core/dag/dag-spec.js';
import type { DataInterval } from '../core/interval.js';
import { summariseTasks, type RunLedger, type RunRecord, type TaskSummary } from '../core/run/ledger.js';
import type { RunType } from '../core/run/run.js';
import { legendOf, markOf, type MarkStyle } from './task-marks.js';

/** Runs of a DAG by logical date, against its tasks. */
export interface RunGrid {
  readonly dagId: string;
  readonly tasks: readonly string[];
  /** Oldest first. */
  readonly runs: readonly GridRun[];
}

export interface GridRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly runType: RunType;
  readonly interval?: DataInterval;
  readonly startedAt: string;
  readonly state: RunRecord['state'];
  /** A task that is not here has no state yet. */
  readonly tasks: Readonly<Record<string, TaskState>>;
}

/** The last runs of a DAG, of each its newest execution. `taskIds` gives the order of the tasks; others that the runs had come after them. */
export async function readGrid(
  ledger: RunLedger,
  dagId: string,
  taskIds: readonly string[],
  limit: number,
): Promise<RunGrid> {
  const newestFirst = await ledger.listRuns({ dagId, order: 'logical', newestOnly: true, limit });
  const runs = newestFirst.reverse();
  const records = await ledger.listTasks(runs);
  const byRun = new Map(runs.map(({ runId }) => [runId, records.filter((record) => record.runId === runId)]));
  const known = new Set(taskIds);
  const gridRuns = runs.map((run): GridRun => {
    const { workflowId, runId, runType, interval, startedAt, state } = run;
    const summaries = inOrderOfStart(summariseTasks(byRun.get(runId) ?? []));
    for (const { taskId } of summaries) known.add(taskId);
    const tasks: Record<string, TaskState> = {};
    for (const { taskId, state: next } of summaries) tasks[taskId] = worse(tasks[taskId], next);
    return {
      workflowId,
      runId,
      runType,
      ...(interval === undefined ? {} : { interval }),
      startedAt,
      state,
      tasks,
    };
  });
  return { dagId, tasks: [...known], runs: gridRuns };
}

/** Tasks in the order in which they first started; those that never did come last. */
export function inOrderOfStart(summaries: readonly TaskSummary[]): TaskSummary[] {
  const startOf = ({ tries }: TaskSummary) =>
    tries.find(({ startedAt }) => startedAt !== undefined)?.startedAt;
  return [...summaries].sort((a, b) => {
    const [first = '~', second = '~'] = [startOf(a), startOf(b)];
    return first < second ? -1 : first > second ? 1 : a.mapIndex - b.mapIndex;
  });
}

/** What a mapped task as a whole shows: the state that most wants to be seen. */
const bySeverity: readonly TaskState[] = [
  'failed',
  'upstream_failed',
  'up_for_retry',
  'up_for_reschedule',
  'running',
  'restarting',
  'deferred',
  'queued',
  'scheduled',
  'none',
  'success',
  'skipped',
  'removed',
];

function worse(first: TaskState | undefined, second: TaskState): TaskState {
  if (first === undefined) return second;
  return bySeverity.indexOf(first) <= bySeverity.indexOf(second) ? first : second;
}

/** One line a run, one column a task, and what the numbers and marks mean. */
export function renderGrid(grid: RunGrid, style: MarkStyle): string {
  if (grid.runs.length === 0)
    return `The ledger has no run of ${grid.dagId}. "millrace run sync" reads what Temporal knows.`;
  const width = String(grid.tasks.length).length;
  const label = ({ interval, startedAt }: GridRun) => shorten(interval?.start ?? startedAt);
  const labelWidth = Math.max(...grid.runs.map((run) => label(run).length));
  const typeWidth = Math.max(...grid.runs.map(({ runType }) => runType.length));
  const heads = grid.tasks.map((_, index) => String(index + 1).padStart(width)).join(' ');
  const lines = grid.runs.map((run) =>
    [
      label(run).padEnd(labelWidth),
      run.runType.padEnd(typeWidth),
      markOf(run.state, style),
      ...grid.tasks.map((id) => ' '.repeat(width - 1) + markOf(run.tasks[id] ?? 'none', style)),
    ]
      .join(' ')
      .trimEnd(),
  );
  const shown = grid.runs.flatMap((run) => [run.state, ...Object.values(run.tasks)]);
  return [
    `${' '.repeat(labelWidth + typeWidth + 4)}${heads}`,
    ...lines,
    '',
    grid.tasks.map((id, index) => `${String(index + 1)} ${id}`).join('  '),
    legendOf(shown, style),
  ].join('\n');
}

/** `2026-01-31T00:00:00.000Z` as `2026-01-31`, and with the time of day where there is one. */
export function shorten(instant: string): string {
  return instant.replace(/\.000Z$/, 'Z').replace(/T00:00:00Z$/, '');
}
