import type { DagSpec, TaskState } from '../core/dag-spec.js';
import type { DataInterval } from '../core/interval.js';
import { limits } from '../core/limits.js';
import type { RowCounts } from '../core/manifest.js';
import { isFinished, type StateTally } from '../core/state-tally.js';

const marks: Partial<Record<TaskState, string>> = {
  success: '✅',
  failed: '❌',
  running: '🔵',
  deferred: '⏳',
  up_for_retry: '🔁',
  scheduled: '🔹',
  queued: '🔸',
  skipped: '⏭️',
  upstream_failed: '🟠',
  none: '⚪',
};

/** What the details of a run show of its progress. */
export interface RunProgress {
  readonly states: Readonly<Record<string, TaskState>>;
  readonly tallies: Readonly<Record<string, StateTally>>;
  readonly counts: RowCounts;
}

/**
 * Markdown for Temporal's "current details": the state of each task and what was loaded so far. Of a large DAG, the tasks
 * that have ended well or have not begun are only counted.
 */
export function runDetails(
  spec: Pick<DagSpec, 'id' | 'tasks'>,
  { states, tallies, counts }: RunProgress,
  interval: DataInterval | undefined,
  approvals: readonly string[],
): string {
  const isLarge = spec.tasks.length > limits.detailsMaxTasks;
  const stateOf = (taskId: string): TaskState => states[taskId] ?? 'none';
  const listed = isLarge
    ? spec.tasks.filter(
        ({ id }) => stateOf(id) === 'failed' || !['none', 'success', 'skipped'].includes(stateOf(id)),
      )
    : spec.tasks;
  const finished = isLarge ? spec.tasks.filter(({ id }) => isFinished(stateOf(id))).length : 0;
  return [
    `**${spec.id}**${interval === undefined ? '' : ` · ${interval.start} … ${interval.end}`}`,
    '',
    ...(isLarge ? [`${String(finished)} of ${String(spec.tasks.length)} tasks finished`, ''] : []),
    ...approvals.map((taskId) => `- ✋ \`${taskId}\` waits for approval`),
    ...listed.slice(0, limits.detailsMaxTasks).map(({ id }) => {
      const state = stateOf(id);
      return `- ${marks[state] ?? '⚪'} \`${id}\` ${state}${instancesOf(tallies[id])}`;
    }),
    '',
    countsLine(counts),
  ].join('\n');
}

function instancesOf(tally: StateTally | undefined): string {
  if (tally === undefined) return '';
  const { total, success, skipped } = tally;
  const failed = tally.failed + tally.upstreamFailed;
  return ` · ${String(success + failed + skipped)} of ${String(total)} instances, ${String(failed)} failed`;
}

/** One line of counts. */
export function countsLine(counts: RowCounts): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(' · ');
}
