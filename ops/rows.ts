import type { JsonObject } from '../core/json.js';
import {
  runStateRank,
  taskStateRank,
  type LogLevel,
  type RunRecord,
  type RunState,
  type TaskLogLine,
  type TaskRecord,
} from '../core/run/ledger.js';
import type { TaskSpec, TaskState } from '../core/dag/dag-spec.js';
import type { RowCounts } from '../core/loading/manifest.js';
import type { RunType } from '../core/run/run.js';
import type { LogRow, RunRow, TaskRow } from './tables.js';

/** Records of the ledger as rows of its tables, and back. */
export function toRunRow(run: RunRecord): RunRow {
  return {
    workflow_id: run.workflowId,
    run_id: run.runId,
    dag_id: run.dagId,
    run_type: run.runType,
    interval_start: run.interval?.start ?? null,
    interval_end: run.interval?.end ?? null,
    logical_at: run.interval?.start ?? run.startedAt,
    spec_hash: run.specHash,
    state: run.state,
    state_rank: runStateRank(run.state),
    started_at: run.startedAt,
    ended_at: run.endedAt ?? null,
    counts: toJson(run.counts),
    params: JSON.stringify(run.params),
    note: run.note ?? null,
    triggered_by: run.triggeredBy ?? null,
    former_run_id: run.formerRunId ?? null,
    judged_at: null,
  };
}

export function toRunRecord(row: RunRow): RunRecord {
  return {
    workflowId: row.workflow_id,
    runId: row.run_id,
    dagId: row.dag_id,
    runType: row.run_type as RunType,
    ...(row.interval_start === null || row.interval_end === null
      ? {}
      : { interval: { start: row.interval_start, end: row.interval_end } }),
    specHash: row.spec_hash,
    state: row.state as RunState,
    startedAt: row.started_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.counts === null ? {} : { counts: JSON.parse(row.counts) as RowCounts }),
    params: JSON.parse(row.params) as JsonObject,
    ...(row.note === null ? {} : { note: row.note }),
    ...(row.triggered_by === null ? {} : { triggeredBy: row.triggered_by }),
    ...(row.former_run_id === null ? {} : { formerRunId: row.former_run_id }),
  };
}

export function toTaskRow(task: TaskRecord): TaskRow {
  return {
    workflow_id: task.workflowId,
    run_id: task.runId,
    task_id: task.taskId,
    map_index: task.mapIndex,
    try_number: task.tryNumber,
    label: task.label ?? null,
    kind: task.kind,
    state: task.state,
    state_rank: taskStateRank(task.state),
    started_at: task.startedAt ?? null,
    ended_at: task.endedAt ?? null,
    worker: task.worker ?? null,
    error_code: task.errorCode ?? null,
    error_message: task.errorMessage ?? null,
    counts: toJson(task.counts),
  };
}

export function toTaskRecord(row: TaskRow): TaskRecord {
  return {
    workflowId: row.workflow_id,
    runId: row.run_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    tryNumber: row.try_number,
    ...(row.label === null ? {} : { label: row.label }),
    kind: row.kind as TaskSpec['kind'],
    state: row.state as TaskState,
    ...(row.started_at === null ? {} : { startedAt: row.started_at }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.worker === null ? {} : { worker: row.worker }),
    ...(row.error_code === null ? {} : { errorCode: row.error_code }),
    ...(row.error_message === null ? {} : { errorMessage: row.error_message }),
    ...(row.counts === null ? {} : { counts: JSON.parse(row.counts) as RowCounts }),
  };
}

export function toLogRow(line: TaskLogLine): LogRow {
  return {
    workflow_id: line.workflowId,
    run_id: line.runId,
    task_id: line.taskId,
    map_index: line.mapIndex,
    try_number: line.tryNumber,
    line: line.line,
    at: line.at,
    level: line.level,
    message: line.message,
    fields: toJson(line.fields),
  };
}

export function toLogLine(row: LogRow): TaskLogLine {
  return {
    workflowId: row.workflow_id,
    runId: row.run_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    tryNumber: row.try_number,
    line: row.line,
    at: row.at,
    level: row.level as LogLevel,
    message: row.message,
    ...(row.fields === null ? {} : { fields: JSON.parse(row.fields) as JsonObject }),
  };
}

function toJson(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
