import type { RunRecord, TaskLogLine, TaskRecord } from '../../core/run/ledger.js';

export function runOf(members: Partial<RunRecord> = {}): RunRecord {
  return {
    workflowId: 'w',
    runId: 'r',
    dagId: 'orders',
    runType: 'manual',
    specHash: 'hash',
    state: 'running',
    startedAt: '2026-01-01T00:00:00.000Z',
    params: {},
    ...members,
  };
}

export function taskOf(members: Partial<TaskRecord> = {}): TaskRecord {
  return {
    workflowId: 'w',
    runId: 'r',
    taskId: 'pull',
    mapIndex: -1,
    tryNumber: 1,
    state: 'running',
    kind: 'function',
    ...members,
  };
}

export function lineOf(line: number, members: Partial<TaskLogLine> = {}): TaskLogLine {
  return {
    workflowId: 'w',
    runId: 'r',
    taskId: 'pull',
    mapIndex: -1,
    tryNumber: 1,
    line,
    at: '2026-01-01T00:00:00.000Z',
    level: 'info',
    message: `line ${String(line)}`,
    ...members,
  };
}
