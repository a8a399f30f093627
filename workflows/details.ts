import type { DagSpec, TaskState } from '../core/dag-spec.js';
import type { DataInterval } from '../core/interval.js';
import type { RowCounts } from '../core/manifest.js';

const marks: Partial<Record<TaskState, string>> = {
  success: '✅',
  failed: '❌',
  running: '🔵',
  skipped: '⏭️',
  upstream_failed: '🟠',
  none: '⚪',
};

/** Markdown for Temporal's "current details": the state of each task and what was loaded so far. */
export function runDetails(
  spec: Pick<DagSpec, 'id' | 'tasks'>,
  states: Readonly<Record<string, TaskState>>,
  counts: RowCounts,
  interval: DataInterval | undefined,
): string {
  return [
    `**${spec.id}**${interval === undefined ? '' : ` · ${interval.start} … ${interval.end}`}`,
    '',
    ...spec.tasks.map((task) => {
      const state = states[task.id] ?? 'none';
      return `- ${marks[state] ?? '⚪'} \`${task.id}\` ${state}`;
    }),
    '',
    countsLine(counts),
  ].join('\n');
}

/** One line of counts. */
export function countsLine(counts: RowCounts): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(' · ');
}
