export { backfillDag } from './backfill.js';
export { mapTasks } from './map-tasks.js';
export { poolCoordinator } from './pool-coordinator.js';
export { reconcileDag } from './reconcile.js';
export { runDag } from './run-dag.js';
export { streamDag } from './stream.js';
