import { Client } from '@temporalio/client';
import { resolve } from 'node:path';
import { loadSettings, type Settings } from '../config.js';
import type { Alarm } from '../core/alarms.js';
import type { Anomaly } from '../core/quality/anomaly.js';
import type { Decision } from '../core/run/run.js';
import { limits } from '../core/limits.js';
import type { OpsStore } from '../ops/store.js';
import { listAllAlarms } from './alarms.js';
import {
  decideAnomaly,
  getAnomaly,
  listAnomalies,
  type AnomalyFilter,
  type DecideAnomalyOptions,
} from './anomalies.js';
import { decide, listApprovals, type PendingApproval } from './approvals.js';
import {
  backfillStatus,
  createBackfill,
  signalBackfill,
  type BackfillOptions,
  type BackfillPlan,
  type BackfillStatus,
} from './backfills.js';
import { cancelRuns, retryRuns, type BulkOptions, type BulkRun } from './bulk-runs.js';
import { clearRuns, type ClearedRun, type ClearOptions } from './clear-runs.js';
import { getDag, listDags, type DagSummary, type DeployedDag } from './deployment.js';
import { keyringOf } from './connections.js';
import { opsPlace } from './ops-place.js';
import { getRun, listRuns, triggerRun, type RunSummary, type TriggerOptions } from './runs.js';
import { connectTemporal } from './temporal/connect.js';

/** Where a client finds its project, whose settings name the Temporal server. */
export interface MillraceClientOptions {
  /** Folder of the project, with its `millrace.json`; default: the current one. */
  readonly project?: string;
  /** Environment variables that settings come from; default: those of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A run that was started by hand. */
export type TriggeredRun = Awaited<ReturnType<typeof triggerRun>>;

/**
 * Runs, approvals and backfills from a program's own code: what the command line does, as typed calls. Runs go
 * through Temporal, and a worker must be running for work to be done; alarms and anomalies are in the operations store.
 */
export class MillraceClient {
  /** Temporal's own client, for what is not here. */
  readonly temporal: Client;
  readonly #settings: Settings;
  #ops: Promise<OpsStore> | undefined;

  private constructor(temporal: Client, settings: Settings) {
    this.temporal = temporal;
    this.#settings = settings;
  }

  /** Connects to the Temporal server of a project. @throws PipelineError CONFIG_INVALID, TEMPORAL_UNAVAILABLE */
  static async connect({
    project = '.',
    env = process.env,
  }: MillraceClientOptions = {}): Promise<MillraceClient> {
    const settings = loadSettings({ cwd: resolve(project), env });
    const connection = await connectTemporal(settings);
    return new MillraceClient(new Client({ connection, namespace: settings.temporal.namespace }), settings);
  }

  /** Every deployed DAG, by id. */
  listDags(): Promise<DagSummary[]> {
    return listDags(this.temporal);
  }

  /** A deployed DAG: its spec, and when it runs. @throws PipelineError DAG_NOT_FOUND */
  getDag(dagId: string): Promise<DeployedDag> {
    return getDag(this.temporal, dagId);
  }

  /**
   * Starts one run by hand; while a run of that name is under way, it is joined. `result()` waits for its end, and rejects
   * where the run failed.
   *
   * @throws PipelineError DAG_NOT_FOUND, PARAMS_INVALID
   */
  triggerRun(dagId: string, options: Omit<TriggerOptions, 'taskQueue'> = {}): Promise<TriggeredRun> {
    return triggerRun(this.temporal, dagId, { ...options, taskQueue: this.#settings.temporal.taskQueue });
  }

  /** State, and result where there is one. @throws PipelineError RUN_NOT_FOUND */
  getRun(workflowId: string): ReturnType<typeof getRun> {
    return getRun(this.temporal, workflowId);
  }

  /** Runs of a DAG that Temporal still knows, newest first. */
  listRuns(dagId: string, limit: number = limits.clientListRuns): Promise<RunSummary[]> {
    return listRuns(this.temporal, dagId, limit);
  }

  /** Approval tasks of a DAG's running runs that wait for an answer. @throws PipelineError DAG_NOT_FOUND */
  listApprovals(dagId: string, limit: number = limits.clientListRuns): Promise<PendingApproval[]> {
    return listApprovals(this.temporal, dagId, limit);
  }

  /**
   * Answers an approval task; the first answer counts.
   *
   * @throws PipelineError RUN_NOT_FOUND, TEMPORAL_UNAVAILABLE (no worker answers), USAGE (no approval task, or answered
   *   already)
   */
  decide(workflowId: string, decision: Decision): Promise<void> {
    return decide(this.temporal, workflowId, decision);
  }

  /**
   * Clears tasks of a run, and of the runs around it where asked; with `dryRun`, lists what it would clear.
   *
   * @throws PipelineError RUN_HISTORY_GONE, TEMPORAL_UNAVAILABLE (no worker answers), USAGE (unknown task), LIMIT_EXCEEDED
   */
  clearRuns(
    workflowId: string,
    options: ClearOptions & { readonly by: string; readonly dryRun: boolean },
  ): Promise<ClearedRun[]> {
    return clearRuns(this.temporal, workflowId, {
      ...options,
      taskQueue: this.#settings.temporal.taskQueue,
    });
  }

  /**
   * Runs the failed and the unfinished tasks of every run that fits again, and what comes after them.
   *
   * @throws PipelineError LIMIT_EXCEEDED, TEMPORAL_UNAVAILABLE (no worker answers)
   */
  retryRuns(options: BulkOptions & { readonly by: string; readonly latest: boolean }): Promise<BulkRun[]> {
    return retryRuns(this.temporal, { ...options, taskQueue: this.#settings.temporal.taskQueue });
  }

  /** Asks every run that fits to end; teardowns still run. @throws PipelineError LIMIT_EXCEEDED */
  cancelRuns(options: BulkOptions): Promise<BulkRun[]> {
    return cancelRuns(this.temporal, options);
  }

  /**
   * Starts a backfill of a deployed DAG, or, with `dryRun`, lists what it would run.
   *
   * @throws PipelineError DAG_NOT_FOUND, USAGE, LIMIT_EXCEEDED
   */
  createBackfill(
    dagId: string,
    options: Omit<BackfillOptions, 'taskQueue'>,
  ): Promise<BackfillStatus | BackfillPlan> {
    return createBackfill(this.temporal, dagId, {
      ...options,
      taskQueue: this.#settings.temporal.taskQueue,
    });
  }

  /** @throws PipelineError RUN_NOT_FOUND */
  backfillStatus(id: string): Promise<BackfillStatus> {
    return backfillStatus(this.temporal, id);
  }

  /** Pauses, resumes or cancels a backfill. @throws PipelineError RUN_NOT_FOUND, also for one that has ended */
  signalBackfill(id: string, verb: 'pause' | 'resume' | 'cancel'): Promise<void> {
    return signalBackfill(this.temporal, id, verb);
  }

  /** Open alarms of schedules, runs and data, oldest first. @throws PipelineError OPS_UNAVAILABLE */
  async listAlarms(): Promise<Alarm[]> {
    return listAllAlarms(this.temporal, await this.#openOps());
  }

  /** Anomalies, newest first; by default those that nobody has decided about. @throws PipelineError OPS_UNAVAILABLE */
  async listAnomalies({ limit = limits.clientListRuns, ...filter }: Partial<AnomalyFilter> = {}): Promise<
    readonly Anomaly[]
  > {
    return listAnomalies(await this.#openOps(), { ...filter, limit });
  }

  /** @throws PipelineError ANOMALY_NOT_FOUND */
  async getAnomaly(id: string): Promise<Anomaly> {
    return getAnomaly(await this.#openOps(), id);
  }

  /**
   * Accepts or rejects an anomaly; the first decision counts, and a run that waits hears of it.
   *
   * @throws PipelineError ANOMALY_NOT_FOUND, USAGE (decided otherwise before), TEMPORAL_UNAVAILABLE (no worker answers)
   */
  async decideAnomaly(id: string, options: DecideAnomalyOptions): Promise<Anomaly> {
    const parts = { client: this.temporal, ops: await this.#openOps(), settings: this.#settings };
    return decideAnomaly(parts, id, options);
  }

  #openOps(): Promise<OpsStore> {
    this.#ops ??= import('../ops/store.js').then(({ openOpsStore }) =>
      openOpsStore({ ...opsPlace(this.#settings), keyring: keyringOf(this.#settings) }),
    );
    return this.#ops;
  }

  async close(): Promise<void> {
    await (await this.#ops)?.close();
    await this.temporal.connection.close();
  }
}
