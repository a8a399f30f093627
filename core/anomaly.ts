import type { Manifest } from './manifest.js';

/** What of a batch is compared with those before it. */
export const anomalyMeasures = ['volume', 'null-rate', 'distribution'] as const;
export type AnomalyMeasure = (typeof anomalyMeasures)[number];

export interface AnomalyGateConfig {
  /** How many accepted batches before this one are compared with. */
  readonly loads: number;
  /** Accepted batches that must be there before anything is called an anomaly. */
  readonly warmUp: number;
  /** Distance from the median, in robust standard deviations, beyond which a volume or a null rate is an anomaly. */
  readonly deviations: number;
  /** Population stability index beyond which a distribution is an anomaly. */
  readonly stabilityOver: number;
  readonly measures: readonly AnomalyMeasure[];
  /** Columns whose null rate and distribution are compared; absent: all. */
  readonly columns?: readonly string[];
  /** `flag`: the run goes on. `wait`: it waits until a person accepts or rejects. */
  readonly onAnomaly: 'flag' | 'wait';
}

/** What is remembered of one batch: figures, never rows. */
export interface BatchProfile {
  readonly rows: number;
  readonly columns: Readonly<Record<string, ColumnProfile>>;
}

export interface ColumnProfile {
  readonly nulls: number;
  /** Rows by value or by class of values; absent where a column has too many of them, or changes with time. */
  readonly histogram?: Readonly<Record<string, number>>;
}

/** One measure of a batch that is not like those before it. */
export interface AnomalyFinding {
  readonly measure: AnomalyMeasure;
  readonly column?: string;
  /** What was found, and what the batches before it were like. */
  readonly actual: number;
  readonly expected: number;
  /** How far off: robust standard deviations, or the stability index. */
  readonly score: number;
  readonly threshold: number;
}

export type AnomalyStatus = 'open' | 'accepted' | 'rejected';

/** An anomaly as people see it. */
export interface Anomaly extends AnomalyFinding {
  readonly id: string;
  readonly dagId: string;
  readonly taskId: string;
  readonly workflowId: string;
  readonly foundAt: string;
  /** The run waits for an answer. */
  readonly isWaiting: boolean;
  readonly status: AnomalyStatus;
  readonly decidedBy?: string;
  readonly decidedAt?: string;
  readonly comment?: string;
}

/** What a gate says of a batch. */
export interface GateVerdict {
  readonly manifest: Manifest;
  /** Names the batch: DAG, task, interval and content. */
  readonly profileId: string;
  /** Anomalies that nobody has decided about. */
  readonly open: number;
}

/** What a person decided about the anomalies of a batch. */
export interface AnomalyDecision {
  readonly profileId: string;
  readonly decision: 'accepted' | 'rejected';
  readonly by: string;
  readonly comment: string;
}

/** What is wrong with the settings of a gate; empty when all is well. */
export function gateProblems(config: AnomalyGateConfig): string[] {
  const { loads, warmUp, deviations, stabilityOver, measures } = config;
  return [
    ...(isWhole(loads) ? [] : [`loads is ${String(loads)}; use a whole number from 1 on`]),
    ...(isWhole(warmUp) && warmUp <= loads
      ? []
      : [`warmUp is ${String(warmUp)}; use a whole number from 1 to loads`]),
    ...(deviations > 0 ? [] : [`deviations is ${String(deviations)}; use a number over 0`]),
    ...(stabilityOver > 0 ? [] : [`stabilityOver is ${String(stabilityOver)}; use a number over 0`]),
    ...(measures.length > 0 ? [] : ['it compares no measure']),
  ];
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
