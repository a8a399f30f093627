import type { AssetBatch } from '../assets/asset-event.js';
import type { DagSpec } from '../dag/dag-spec.js';
import type { DataInterval } from '../interval.js';
import type { JsonObject } from '../json.js';
import type { Manifest, StagedFile } from '../loading/manifest.js';
import type { Rerun, RunSnapshot } from './run-snapshot.js';
import type { CarriedSlot } from '../pools/slot-requests.js';
import type { ElementRef, TaskOutput } from './task-output.js';

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
  /** Only these tasks run; the others count as not there, and what they handed on in a former execution stays. */
  readonly tasks?: readonly string[];
  /** The run was cleared: it goes on from where a former execution of its workflow id ended. */
  readonly rerun?: Rerun;
  /** Tries that tasks had in former executions; theirs go on counting. */
  readonly tries?: Readonly<Record<string, number>>;
  /** What former executions of the run have done already: kept tasks of a cleared run, or a run that continued as new. */
  readonly snapshot?: RunSnapshot;
  /** Carried over when the run continues as new. */
  readonly carried?: {
    readonly startedAt: string;
    /** As in `rerun`. */
    readonly formerRunId?: string;
    readonly decisions: readonly Decision[];
    readonly slots: readonly CarriedSlot[];
  };
  /** Events that started the run, and how many more it stands for. */
  readonly assetEvents?: AssetBatch;
  /** Where the run came from, for people: a person, another run, an asset's events. */
  readonly triggeredBy?: string;
}

/** A person's answer to an approval task. */
export interface Decision {
  readonly taskId: string;
  readonly decision: 'approved' | 'rejected';
  readonly by: string;
  readonly comment?: string;
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
  readonly assetEvents?: AssetBatch;
  /** Set in an instance of a mapped task or group. */
  readonly mapIndex?: number;
  readonly element?: ElementRef;
}

/** Keys that a source is asked for once more. */
export interface KeySelection {
  /** Lines `{"key":[…],"version":[…]}` of canonical texts. */
  readonly file: StagedFile;
  /** Columns of the source, in the order of the lines. */
  readonly key: readonly string[];
  readonly version: readonly string[];
  /** Keys that the source no longer has come as deletions. */
  readonly deletions: boolean;
}

/** The input of one stage activity. */
export interface StageRequest<Task> {
  readonly context: StageContext;
  readonly task: Task;
  /** The upstream manifest of validate, transform and load. */
  readonly input?: Manifest;
  /** Arguments of a function task: results of upstream tasks, possibly by name. */
  readonly inputs?: Readonly<Record<string, TaskOutput>>;
  /** Extract, anomaly gate and load: see `RunInput.replay`. */
  readonly replayQuarantineIds?: readonly string[];
  /** Extract only: read these keys and nothing else. */
  readonly keys?: KeySelection;
  /** Extract only: the load tasks that take its rows; of one that runs by a cursor. */
  readonly loads?: readonly string[];
  /** Those of `loads` that every run is meant to do. */
  readonly loadsOfEveryRun?: readonly string[];
  /** Extract only: return an empty manifest after waiting this long for a first row (real-time sources). */
  readonly waitMs?: number;
  /** Which try this is, where the workflow counts them itself. */
  readonly tryNumber?: number;
  /** The activity counts the tries: one that the source throttles is none. Temporal bounds them by the task's time alone. */
  readonly countsTries?: true;
  /** Tries that the task had before it was cleared. */
  readonly priorTries?: number;
}
