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
 * that have ended well or have not begun are only counted. It is asked for after each change; the line of a task is
 * written anew only where it differs.
 */
export class RunDetails {
  readonly #spec: Pick<DagSpec, 'id' | 'tasks'>;
  readonly #isLarge: boolean;
  readonly #lines = new Map<string, { state: TaskState; tally: StateTally | undefined; text: string }>();

  constructor(spec: Pick<DagSpec, 'id' | 'tasks'>) {
    this.#spec = spec;
    this.#isLarge = spec.tasks.length > limits.detailsMaxTasks;
  }

  markdown(
    { states, tallies, counts }: RunProgress,
    interval: DataInterval | undefined,
    approvals: readonly string[],
  ): string {
    const { id: dagId, tasks } = this.#spec;
    const stateOf = (taskId: string): TaskState => states[taskId] ?? 'none';
    const listed = this.#isLarge ? tasks.filter(({ id }) => isNotable(stateOf(id))) : tasks;
    const finished = this.#isLarge ? tasks.filter(({ id }) => isFinished(stateOf(id))).length : 0;
    return [
      `**${dagId}**${interval === undefined ? '' : ` · ${interval.start} … ${interval.end}`}`,
      '',
      ...(this.#isLarge ? [`${String(finished)} of ${String(tasks.length)} tasks finished`, ''] : []),
      ...approvals.map((taskId) => `- ✋ \`${taskId}\` waits for approval`),
      ...listed.slice(0, limits.detailsMaxTasks).map(({ id }) => this.#line(id, stateOf(id), tallies[id])),
      '',
      countsLine(counts),
    ].join('\n');
  }

  #line(taskId: string, state: TaskState, tally: StateTally | undefined): string {
    const known = this.#lines.get(taskId);
    if (known?.state === state && known.tally === tally) return known.text;
    const text = `- ${marks[state] ?? '⚪'} \`${taskId}\` ${state}${instancesOf(tally)}`;
    this.#lines.set(taskId, { state, tally, text });
    return text;
  }
}

/** Of a large DAG: what is under way or has failed. */
function isNotable(state: TaskState): boolean {
  return !['none', 'success', 'skipped'].includes(state);
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
