import type { DagSpec, TaskState } from './dag-spec.js';
import type { DataInterval } from './interval.js';
import type { JsonObject, JsonValue } from './json.js';
import type { Manifest, RowCounts } from './manifest.js';

/** Why a run exists; names of Airflow 3, and `replay` for quarantined rows. */
export const runTypes = ['scheduled', 'manual', 'backfill', 'asset_triggered', 'replay'] as const;
export type RunType = (typeof runTypes)[number];

/** The input of the `runDag` workflow. */
export interface RunInput {
  readonly spec: DagSpec;
  /** SHA-256 of the canonical JSON of `spec`. */
  readonly specHash: string;
  readonly runType: RunType;
  /** Absent for a scheduled run, which takes it from its nominal start time, and for a manual run without one. */
  readonly interval?: DataInterval;
  readonly params?: JsonObject;
  /** Replay: quarantined rows take the place of what the extract task would read. */
  readonly replay?: { readonly taskId: string; readonly quarantineIds: readonly string[] };
}

/** What one task ended with. */
export interface TaskResult {
  readonly taskId: string;
  readonly state: TaskState;
  readonly attempts?: number;
  readonly counts?: RowCounts;
  readonly error?: { readonly code: string; readonly message: string };
}

/** What a run ended with. */
export interface RunResult {
  readonly dagId: string;
  readonly specHash: string;
  readonly state: 'success' | 'failed' | 'cancelled';
  readonly interval?: DataInterval;
  readonly tasks: readonly TaskResult[];
  /** Sum over the load tasks. */
  readonly counts: RowCounts;
}

/** What every stage activity receives beside its task. */
export interface StageContext {
  readonly dagId: string;
  /** Temporal workflow id of the run, for humans and markers. */
  readonly workflowId: string;
  readonly runId: string;
  readonly runType: RunType;
  readonly interval?: DataInterval;
  /** Time at which the run started, ISO 8601 UTC; tasks use it where they would otherwise ask a clock. */
  readonly startedAt: string;
  readonly params: JsonObject;
  /** Place of this task among the mapped ones; absent where the task is not mapped. */
  readonly mapIndex?: number;
}

/** The input of one stage activity. */
export interface StageRequest<Task> {
  readonly context: StageContext;
  readonly task: Task;
  /** The upstream manifest of validate, transform and load. */
  readonly input?: Manifest;
  /** Arguments of a function task. */
  readonly inputs?: Readonly<Record<string, JsonValue>>;
  /** Extract only: see `RunInput.replay`. */
  readonly replayQuarantineIds?: readonly string[];
  /** Extract only: return an empty manifest after waiting this long for a first row (real-time sources). */
  readonly waitMs?: number;
}
