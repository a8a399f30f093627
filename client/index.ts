/** The typed client: what the command line does, for programs. Exported as `millrace/client`. */
export { MillraceClient, type MillraceClientOptions, type TriggeredRun } from './millrace-client.js';
export type { Alarm, AlarmKind } from '../core/alarms.js';
export type { Anomaly, AnomalyMeasure, AnomalyStatus } from '../core/quality/anomaly.js';
export type { AnomalyFilter, DecideAnomalyOptions } from './anomalies.js';
export type { PendingApproval } from './approvals.js';
export type { BackfillOptions, BackfillPlan, BackfillStatus } from './backfills.js';
export type { BulkOptions, BulkRun } from './bulk-runs.js';
export type { ClearedRun, ClearOptions } from './clear-runs.js';
export type { DagSummary, DeployedDag } from './deployment.js';
export type { RunSummary, TriggerOptions } from './runs.js';
