import type { Anomaly, AnomalyDecision, AnomalyFinding, AnomalyStatus, BatchProfile } from './anomaly.js';

/** A batch that a gate has seen. */
export interface SeenBatch {
  readonly id: string;
  readonly dagId: string;
  readonly taskId: string;
  readonly workflowId: string;
  readonly profile: BatchProfile;
  readonly at: string;
  readonly isWaiting: boolean;
}

/** The verdict on a batch that was seen before. */
export interface BatchVerdict {
  readonly status: AnomalyStatus;
  readonly anomalies: readonly Anomaly[];
}

/** What gates remember, and what people decided about it. */
export interface QualityStore {
  /** Profiles of accepted batches, newest first. */
  baseline(dagId: string, taskId: string, limit: number): Promise<readonly BatchProfile[]>;
  findBatch(id: string): Promise<BatchVerdict | undefined>;
  /** Remembers a batch; one without findings is accepted. A batch that is known keeps its verdict. */
  saveBatch(batch: SeenBatch, findings: readonly AnomalyFinding[]): Promise<BatchVerdict>;
  /** Lists what checks have corrected, as anomalies that are settled; a repeat changes nothing. */
  recordCorrections(
    batch: Omit<SeenBatch, 'profile' | 'isWaiting'>,
    findings: readonly AnomalyFinding[],
  ): Promise<void>;
  /** Anomalies, newest first. */
  list(filter: {
    readonly dagId?: string;
    readonly status?: AnomalyStatus;
    readonly limit: number;
  }): Promise<readonly Anomaly[]>;
  get(id: string): Promise<Anomaly | undefined>;
  /** Decides about one anomaly; the batch joins the baseline once all of its anomalies are accepted, none of them corrected. */
  decide(
    id: string,
    decision: Omit<AnomalyDecision, 'profileId'>,
  ): Promise<{ readonly anomaly: Anomaly; readonly batch: AnomalyStatus } | undefined>;
  /** Decides about all open anomalies of a batch. */
  decideBatch(decision: AnomalyDecision): Promise<readonly Anomaly[]>;
  /** When a table was last loaded. */
  recordLoad(load: TableLoad): Promise<void>;
  lastLoads(): Promise<readonly TableLoad[]>;
  deleteBefore(at: string): Promise<void>;
}

/** The last load of a table by a task. */
export interface TableLoad {
  readonly dagId: string;
  readonly taskId: string;
  readonly table: string;
  readonly committedAt: string;
}
