import { checkProblems, type CheckSpec } from './check-spec.js';
import type { Manifest } from '../loading/manifest.js';

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
  /** How long it waits at most; absent: for as long as it takes. */
  readonly reviewWithinMs?: number;
  /** What counts as the answer when nobody has given one in time. */
  readonly onTimeout?: 'accept' | 'reject';
  /** What is corrected without review, by measure. */
  readonly correct?: AnomalyRules;
}

/** A check of one column whose correction, or quarantine of rows, answers an anomaly of that column. */
export type ColumnRule = Exclude<CheckSpec, { kind: 'unique' | 'freshness' }>;

/** `quarantine`: the whole batch goes to quarantine. Checks: those of the column that is odd are applied to the batch. */
export interface AnomalyRules {
  readonly volume?: 'quarantine';
  readonly 'null-rate'?: 'quarantine' | readonly ColumnRule[];
  readonly distribution?: 'quarantine' | readonly ColumnRule[];
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
  /** `check`: values that missed a check and were corrected. */
  readonly measure: AnomalyMeasure | 'check';
  readonly column?: string;
  /** What was found, and what the batches before it were like. */
  readonly actual: number;
  readonly expected: number;
  /** How far off: robust standard deviations, or the stability index. */
  readonly score: number;
  readonly threshold: number;
  /** What a declared rule did about it. */
  readonly correction?: AnomalyCorrection;
}

export interface AnomalyCorrection {
  /** The rule in words. */
  readonly rule: string;
  /** Values that it changed, and rows that it sent to quarantine. */
  readonly values: number;
  readonly quarantined: number;
}

/** `corrected`: a declared rule has answered; nobody is asked. */
export const anomalyStatuses = ['open', 'accepted', 'rejected', 'corrected'] as const;
export type AnomalyStatus = (typeof anomalyStatuses)[number];

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

/** What was decided about the anomalies of a batch: by a person, or by the end of the time for review. */
export interface BatchDecision {
  readonly decision: 'accepted' | 'rejected';
  readonly by: string;
  readonly comment: string;
}

export interface AnomalyDecision extends BatchDecision {
  readonly profileId: string;
}

/** Who decides when nobody has. */
export const reviewTimeout = 'timeout';

/** What is wrong with the settings of a gate; empty when all is well. */
export function gateProblems(config: AnomalyGateConfig): string[] {
  const { loads, warmUp, deviations, stabilityOver, measures, onAnomaly, reviewWithinMs, onTimeout } = config;
  return [
    ...(isWhole(loads) ? [] : [`loads is ${String(loads)}; use a whole number from 1 on`]),
    ...(isWhole(warmUp) && warmUp <= loads
      ? []
      : [`warmUp is ${String(warmUp)}; use a whole number from 1 to loads`]),
    ...(deviations > 0 ? [] : [`deviations is ${String(deviations)}; use a number over 0`]),
    ...(stabilityOver > 0 ? [] : [`stabilityOver is ${String(stabilityOver)}; use a number over 0`]),
    ...(measures.length > 0 ? [] : ['it compares no measure']),
    ...(reviewWithinMs === undefined || onAnomaly === 'wait'
      ? []
      : ["reviewWithin bounds a wait; set onAnomaly: 'wait'"]),
    ...(onTimeout === undefined || reviewWithinMs !== undefined
      ? []
      : ['onTimeout says what follows when reviewWithin is over; set reviewWithin too']),
    ...ruleProblems(config),
  ];
}

function ruleProblems({ correct = {}, measures }: AnomalyGateConfig): string[] {
  const problems: string[] = [];
  for (const measure of anomalyMeasures) {
    const rule = correct[measure];
    if (rule === undefined) continue;
    if (!measures.includes(measure)) problems.push(`correct: ${measure} is none of its measures`);
    if (rule === 'quarantine') continue;
    problems.push(
      ...checkProblems({ checks: rule, quarantineOver: 1 }).map(
        (problem) => `correct: ${measure}: ${problem}`,
      ),
      ...rule
        .filter(({ correct: correction, severity }) => correction === undefined && severity === 'warn')
        .map((check) => `correct: ${measure}: check "${check.name}" corrects nothing`),
    );
  }
  return problems;
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
