import type { AssetSpec } from '../assets/asset.js';
import type { JsonObject } from '../json.js';
import type { ScheduleSpec } from '../schedule/schedule-spec.js';
import type { CallbackSpec, DeadlineSpec, GroupSpec, TaskSpec } from './task-spec.js';

export type { OverlapPolicy, ScheduleSpec, ScheduleTimes } from '../schedule/schedule-spec.js';
export type * from './stage-config.js';
export type * from './task-spec.js';

/**
 * A DAG as data: what `defineDag` returns, what a run carries from its start to its end, and what the generic workflow
 * interprets. It holds no function; functions are looked up by `dagId/taskId` on the worker.
 */
export interface DagSpec {
  readonly specVersion: 1;
  readonly id: string;
  readonly description: string;
  readonly owner: string;
  readonly tags: readonly string[];
  readonly schedule: ScheduleSpec;
  readonly mode: DagMode;
  /** Its first deploy starts no runs until somebody resumes it. */
  readonly pausedUponCreation?: true;
  /** Runs of this DAG at a time, of every kind together; absent: no bound. */
  readonly maxActiveRuns?: number;
  /** Tasks of one run at a time. */
  readonly maxActiveTasks: number;
  /** Default run parameters. */
  readonly params: JsonObject;
  /** JSON Schema of the run parameters, an object's. */
  readonly paramsSchema?: JsonObject;
  /** `leaf` (Airflow): the leaves decide whether a run failed. `any`: every task that failed fails the run. */
  readonly failOn?: 'any';
  /** The first failed task skips what has not started. */
  readonly failFast?: true;
  /** A run that takes longer fails. */
  readonly dagrunTimeoutMs?: number;
  readonly callbacks?: CallbackSpec;
  readonly deadlines?: readonly DeadlineSpec[];
  readonly groups?: readonly GroupSpec[];
  /** What is known of the assets that the DAG names, where it is more than their uris. */
  readonly assets?: readonly AssetSpec[];
  /** In an order in which every task comes after its upstream tasks. */
  readonly tasks: readonly TaskSpec[];
}

/** The three speeds. */
export type DagMode = 'real-time' | 'near-real-time' | 'batch';
