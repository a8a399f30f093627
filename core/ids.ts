/**
 * Ids that Temporal shows. Nothing personal goes into them. A scheduled run and a backfilled run of one interval have the
 * same id, so the server itself keeps an interval from running twice.
 */

/** The schedule that records a deployed DAG. */
export function dagScheduleId(dagId: string): string {
  return `millrace.dag.${dagId}`;
}

/** A schedule that a deploy asks for its times and removes again. */
export function probeScheduleId(dagId: string): string {
  return `millrace.probe.${dagId}`;
}

/** The workflow id that a schedule starts from; the server appends `-` and the nominal fire time. */
export function runWorkflowBaseId(dagId: string): string {
  return `millrace.run.${dagId}`;
}

/**
 * The run of the interval that ends at `intervalEnd` (ISO 8601 UTC). The nominal fire time of a scheduled run is the end
 * of its interval, which the server writes without a fraction of a second.
 */
export function runWorkflowId(dagId: string, intervalEnd: string): string {
  return `${runWorkflowBaseId(dagId)}-${intervalEnd.replace(/\.\d+Z$/, 'Z')}`;
}

/** A run started by hand under a name. */
export function manualWorkflowId(dagId: string, name: string): string {
  return `millrace.manual.${dagId}-${name}`;
}

/** The one long-running workflow of a real-time DAG. */
export function streamWorkflowId(dagId: string): string {
  return `millrace.stream.${dagId}`;
}

/** The one workflow of a continuous DAG, which starts its runs. */
export function continuousWorkflowId(dagId: string): string {
  return `millrace.continuous.${dagId}`;
}

/** The workflow that looks after the schedule of a DAG. */
export function watchWorkflowId(dagId: string): string {
  return `millrace.watch.${dagId}`;
}

/** One request for past intervals. */
export function backfillWorkflowId(dagId: string, name: string): string {
  return `millrace.backfill.${dagId}-${name}`;
}

/** One comparison of a DAG's tables with their sources. */
export function reconcileWorkflowId(dagId: string, name: string): string {
  return `millrace.reconcile.${dagId}-${name}`;
}

/** One change of an identity graph by an operator. */
export function identityWorkflowId(dagId: string, name: string): string {
  return `millrace.identity.${dagId}-${name}`;
}

/** The schedule that compares the table of one load task, and the stem of the workflows that it starts. */
export function reconcileScheduleId(dagId: string, taskId: string): string {
  return `millrace.reconcile.${dagId}.${taskId}`;
}

/** The queue of asset events that wait for runs of a DAG. */
export function assetQueueWorkflowId(dagId: string): string {
  return `millrace.assets.${dagId}`;
}

/** The run that events of assets started; `key` is derived from their ids. */
export function assetRunWorkflowId(dagId: string, key: string): string {
  return `millrace.asset-run.${dagId}-${key}`;
}

/** The coordinator of a pool of slots. */
export function poolWorkflowId(pool: string): string {
  return `${poolWorkflowPrefix}${pool}`;
}

const poolWorkflowPrefix = 'millrace.pool.';

/** The pool that a coordinator's workflow id names. */
export function poolOfWorkflowId(workflowId: string): string {
  return workflowId.slice(poolWorkflowPrefix.length);
}

/** The pool behind `maxActiveRuns`. Pools that Millrace makes have a colon in their names, which no pool of the settings has. */
export function dagRunPool(dagId: string): string {
  return `dag-run:${dagId}`;
}

/** The pool behind a concurrency key. */
export function concurrencyPool(key: string): string {
  return `key:${key}`;
}

/** The pool behind `maxActiveTis`: instances of one task across all runs. No concurrency key has a slash. */
export function taskInstancesPool(dagId: string, taskId: string): string {
  return concurrencyPool(`${dagId}/${taskId}`);
}

/** Made by Millrace for `maxActiveRuns`, `maxActiveTis` or a concurrency key; not by settings or a person. */
export function isInternalPool(pool: string): boolean {
  return pool.includes(':');
}
