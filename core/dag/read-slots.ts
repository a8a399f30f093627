import { dagDefaults } from './dag-defaults.js';
import type { TaskSpec } from './dag-spec.js';
import { limits } from '../limits.js';
import type { TaskOptions } from './task-options.js';

type SlotSpec = Pick<TaskSpec, 'pool' | 'priorityWeight' | 'concurrency' | 'maxActiveTis'>;

/** Pools, concurrency keys and their limits as an author wrote them; what has no effect is a problem. */
export function slotSpec(taskId: string, options: TaskOptions, problems: string[]): SlotSpec {
  const { pool, poolSlots, priorityWeight, concurrency, maxActiveTis } = options;
  if (pool === undefined && poolSlots !== undefined)
    problems.push(`task "${taskId}": poolSlots needs a pool`);
  return {
    ...(pool === undefined ? {} : { pool: { name: pool, slots: poolSlots ?? dagDefaults.poolSlots } }),
    ...(priorityWeight === undefined ? {} : { priorityWeight }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(maxActiveTis === undefined ? {} : { maxActiveTis }),
  };
}

/** Everything that is wrong with a task's slots, a sentence each. */
export function checkSlots({
  id,
  pool,
  priorityWeight,
  concurrency,
  maxActiveTis,
}: SlotSpec & { readonly id: string }): string[] {
  const problems: string[] = [];
  const at = `task "${id}"`;
  if (pool !== undefined) {
    problems.push(...checkName(pool.name, `${at}: pool`), ...checkCount(pool.slots, `${at}: poolSlots`));
  }
  if (priorityWeight !== undefined && !Number.isSafeInteger(priorityWeight))
    problems.push(`${at}: priorityWeight is ${String(priorityWeight)}; use a whole number`);
  if (concurrency !== undefined) {
    problems.push(
      ...checkName(concurrency.key, `${at}: concurrency key`),
      ...checkCount(concurrency.limit, `${at}: concurrency limit`),
    );
  }
  if (maxActiveTis !== undefined) problems.push(...checkCount(maxActiveTis, `${at}: maxActiveTis`));
  return problems;
}

/** The names that settings allow too. */
export const poolNamePattern = /^[A-Za-z][A-Za-z0-9_-]{0,127}$/;

function checkName(name: string, what: string): string[] {
  if (poolNamePattern.test(name)) return [];
  return [
    `${what} "${name}" is refused: use at most 128 letters, digits, "_" and "-", starting with a letter`,
  ];
}

function checkCount(value: number, what: string): string[] {
  if (Number.isSafeInteger(value) && value >= 1 && value <= limits.poolMaxSlots) return [];
  return [`${what} is ${String(value)}; use a whole number from 1 to ${String(limits.poolMaxSlots)}`];
}
