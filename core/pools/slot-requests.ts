import { dagDefaults } from '../dag/dag-defaults.js';
import type { DagSpec, TaskSpec } from '../dag/dag-spec.js';
import { concurrencyPool, dagRunPool, taskInstancesPool } from '../ids.js';

/** Slots of one pool that a run needs for a while. */
export interface SlotRequest {
  readonly pool: string;
  /** Names the lease among those that the run waits for or holds. */
  readonly leaseId: string;
  readonly slots: number;
  readonly priorityWeight: number;
  /** What needs them, for people. */
  readonly label: string;
  /** Size with which a pool that Millrace makes is started, where a deploy has not. */
  readonly limit?: number;
}

/** What a run that continues as new hands to its next execution, so that it keeps the slots it holds. */
export interface CarriedSlot {
  readonly request: SlotRequest;
  readonly requestId: string;
}

/** The slot behind `maxActiveRuns`, which a run holds from its first task to its end. */
export function runSlot({ id, maxActiveRuns: limit }: Pick<DagSpec, 'id' | 'maxActiveRuns'>): SlotRequest[] {
  if (limit === undefined) return [];
  return [{ pool: dagRunPool(id), leaseId: 'run', slots: 1, priorityWeight: 1, label: 'run', limit }];
}

/**
 * The slots that a task holds while it runs. Tasks with several take them in one order, by the pool's name, so that two
 * can never wait for one another.
 *
 * @param instance distinguishes mapped instances of the task.
 */
export function taskSlots(dagId: string, task: TaskSpec, instance?: string): SlotRequest[] {
  const label = instance === undefined ? task.id : `${task.id}[${instance}]`;
  const requests: Omit<SlotRequest, 'leaseId' | 'label'>[] = [];
  const { pool, concurrency, maxActiveTis } = task;
  const priorityWeight = task.priorityWeight ?? dagDefaults.priorityWeight;
  if (pool !== undefined) requests.push({ pool: pool.name, slots: pool.slots, priorityWeight });
  if (concurrency !== undefined) {
    const { key, limit } = concurrency;
    requests.push({ pool: concurrencyPool(key), slots: 1, priorityWeight, limit });
  }
  if (maxActiveTis !== undefined)
    requests.push({ pool: taskInstancesPool(dagId, task.id), slots: 1, priorityWeight, limit: maxActiveTis });
  return requests
    .sort((a, b) => (a.pool < b.pool ? -1 : 1))
    .map((request) => ({ ...request, leaseId: `${label} ${request.pool}`, label }));
}

/** Pools that Millrace makes for a DAG, with their sizes. */
export function internalPools(spec: DagSpec): ReadonlyMap<string, number> {
  const requests = [...runSlot(spec), ...spec.tasks.flatMap((task) => taskSlots(spec.id, task))];
  return new Map(
    requests.flatMap(({ pool, limit }): [string, number][] => (limit === undefined ? [] : [[pool, limit]])),
  );
}
