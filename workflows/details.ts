import type { DagSpec, TaskState } from '../core/dag/dag-spec.js';
import type { DataInterval } from '../core/interval.js';
import { limits } from '../core/limits.js';
import type { RowCounts } from '../core/loading/manifest.js';
import { isFinished, type StateTally } from '../core/run/state-tally.js';

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
  readonly #lines: TaskLine[];
  #counts: { readonly of: RowCounts; readonly text: string } | undefined;

  constructor(spec: Pick<DagSpec, 'id' | 'tasks'>) {
    this.#spec = spec;
    this.#isLarge = spec.tasks.length > limits.detailsMaxTasks;
    this.#lines = spec.tasks.map(({ id }) => ({
      id,
      state: 'none',
      tally: undefined,
      text: lineOf(id, 'none'),
    }));
  }

  markdown(
    { states, tallies, counts }: RunProgress,
    interval: DataInterval | undefined,
    approvals: readonly string[],
  ): string {
    let text = `**${this.#spec.id}**`;
    if (interval !== undefined) text += ` · ${interval.start} … ${interval.end}`;
    text += '\n\n';
    if (this.#isLarge)
      text += `${this.#finished(states)} of ${String(this.#lines.length)} tasks finished\n\n`;
    for (const taskId of approvals) text += `- ✋ \`${taskId}\` waits for approval\n`;
    let listed = 0;
    for (const line of this.#lines) {
      const state = states[line.id] ?? 'none';
      if (this.#isLarge && !isNotable(state)) continue;
      const tally = tallies[line.id];
      if (line.state !== state || line.tally !== tally) {
        Object.assign(line, { state, tally, text: lineOf(line.id, state, tally) });
      }
      text += line.text;
      listed += 1;
      if (listed === limits.detailsMaxTasks) break;
    }
    return `${text}\n${this.#countsText(counts)}`;
  }

  #finished(states: RunProgress['states']): string {
    return String(this.#lines.filter(({ id }) => isFinished(states[id] ?? 'none')).length);
  }

  #countsText(counts: RowCounts): string {
    if (this.#counts?.of !== counts) this.#counts = { of: counts, text: countsLine(counts) };
    return this.#counts.text;
  }
}

interface TaskLine {
  readonly id: string;
  state: TaskState;
  tally: StateTally | undefined;
  text: string;
}

function lineOf(taskId: string, state: TaskState, tally?: StateTally): string {
  return `- ${marks[state] ?? '⚪'} \`${taskId}\` ${state}${instancesOf(tally)}\n`;
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
