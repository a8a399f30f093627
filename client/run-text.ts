import type { RunRecord, TaskRecord, TaskSummary } from '../core/run/ledger.js';
import { renderTable } from './output.js';

/** How long something took, or has taken so far. */
export function durationText(startedAt: string | undefined, endedAt: string | undefined): string {
  if (startedAt === undefined || endedAt === undefined) return '-';
  return spanText(Date.parse(endedAt) - Date.parse(startedAt));
}

export function spanText(milliseconds: number): string {
  if (milliseconds < 1_000) return `${String(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(milliseconds / 60_000);
  const seconds = Math.floor((milliseconds % 60_000) / 1_000);
  return minutes < 60
    ? `${String(minutes)} min ${String(seconds)} s`
    : `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`;
}

/** A run for a person: what it is, what it did, and every try of its tasks. */
export function renderRun(
  run: RunRecord,
  tasks: readonly TaskSummary[],
  usualMs: number | undefined,
  usualRuns: number,
): string {
  const facts: [string, string | undefined][] = [
    ['run', run.workflowId],
    ['run id', run.runId],
    ['dag', run.dagId],
    ['type', run.runType],
    ['state', run.state],
    ['interval', run.interval === undefined ? undefined : `${run.interval.start} … ${run.interval.end}`],
    ['started', run.startedAt],
    ['ended', run.endedAt],
    ['duration', durationText(run.startedAt, run.endedAt)],
    [
      'usually',
      usualMs === undefined
        ? undefined
        : `${spanText(usualMs)}, the mean of the last ${String(usualRuns)} that succeeded`,
    ],
    ['params', Object.keys(run.params).length === 0 ? undefined : JSON.stringify(run.params)],
    ['spec', run.specHash],
    ['triggered by', run.triggeredBy],
    ['note', run.note],
    [
      'counts',
      run.counts === undefined
        ? undefined
        : Object.entries(run.counts)
            .map(([name, count]) => `${name} ${String(count)}`)
            .join(', '),
    ],
  ];
  return [
    ...facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(12)}  ${value}`])),
    '',
    tasks.length === 0 ? 'No task has begun.' : renderTries(tasks),
  ].join('\n');
}

function renderTries(tasks: readonly TaskSummary[]): string {
  const rows = tasks.flatMap((task) => {
    const name = `${task.taskId}${task.mapIndex < 0 ? '' : `[${task.label ?? String(task.mapIndex)}]`}`;
    if (task.tries.length === 0) return [[name, '-', task.state, '-', '-', errorText(task)]];
    return task.tries.map((record, index) => {
      const isLast = index === task.tries.length - 1;
      return [
        isLast && task.tries.length === 1 ? name : index === 0 ? name : '',
        String(record.tryNumber),
        isLast ? task.state : record.state,
        record.startedAt ?? '-',
        durationText(record.startedAt, record.endedAt),
        errorText(isLast ? { ...record, ...errorOf(task) } : record),
      ];
    });
  });
  return renderTable(['TASK', 'TRY', 'STATE', 'STARTED', 'DURATION', 'ERROR'], rows);
}

type Failed = Pick<TaskRecord, 'errorCode' | 'errorMessage'>;

function errorOf({ errorCode, errorMessage }: Failed): Failed {
  return {
    ...(errorCode === undefined ? {} : { errorCode }),
    ...(errorMessage === undefined ? {} : { errorMessage }),
  };
}

function errorText({ errorCode, errorMessage }: Failed): string {
  if (errorCode === undefined) return '';
  return `${errorCode}: ${(errorMessage ?? '').split('\n')[0] ?? ''}`;
}
