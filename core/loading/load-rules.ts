import type { LoadConfig, LoadStrategy, WriteDisposition } from '../dag/dag-spec.js';

/** Strategies of each disposition, the default first. */
export const strategiesOf: Readonly<Record<WriteDisposition, readonly LoadStrategy[]>> = {
  append: [],
  replace: ['truncate-insert', 'staged-swap'],
  merge: ['upsert', 'delete-insert', 'insert-only', 'scd2'],
};

/** The strategy of a load; `undefined` for `append`, which has one way only. */
export function strategyOf(config: Pick<LoadConfig, 'disposition' | 'strategy'>): LoadStrategy | undefined {
  return config.strategy ?? strategiesOf[config.disposition][0];
}

/** Columns of `delete-insert` that name the group of rows which a batch replaces. */
export function mergeKeyOf(config: Pick<LoadConfig, 'key' | 'mergeKey'>): readonly string[] {
  return config.mergeKey ?? config.key;
}

type Identity = Pick<LoadConfig, 'disposition' | 'strategy' | 'key' | 'mergeKey'>;

/** Key columns that tell the rows of a `delete-insert` group apart. */
export function keyWithinGroup(config: Pick<LoadConfig, 'key' | 'mergeKey'>): readonly string[] {
  return config.key.filter((name) => !mergeKeyOf(config).includes(name));
}

/** True where a deletion that names a group, and no row of it, takes the whole group away. */
export function hasGroupDeletions(config: Identity): boolean {
  return (
    strategyOf(config) === 'delete-insert' &&
    mergeKeyOf(config).length > 0 &&
    (config.key.length === 0 || keyWithinGroup(config).length > 0)
  );
}

/** True where the load remembers deletions, so that an older row cannot bring a deleted one back. */
export function hasTombstones(config: Identity & Pick<LoadConfig, 'version'>): boolean {
  const strategy = strategyOf(config);
  if (strategy === 'delete-insert') return hasGroupDeletions(config) && config.version.length > 0;
  return strategy === 'upsert' || strategy === 'scd2';
}

/** Columns by which a deletion is remembered: the key, or that of a group. */
export function tombstoneKeyOf(config: Identity): readonly string[] {
  return strategyOf(config) === 'delete-insert' ? mergeKeyOf(config) : config.key;
}

/** Everything in which the options of a load contradict one another; empty when all is well. */
export function loadProblems(config: LoadConfig): string[] {
  const problems: string[] = [];
  const strategy = strategyOf(config);
  const strategies = strategiesOf[config.disposition];
  if (strategy !== undefined && !strategies.includes(strategy)) {
    const known = strategies.length === 0 ? 'none' : strategies.join(', ');
    problems.push(`strategy "${strategy}" does not belong to disposition "${config.disposition}" (${known})`);
  }
  if (config.disposition === 'merge' && strategy === 'delete-insert') {
    if (mergeKeyOf(config).length === 0) problems.push('strategy "delete-insert" needs "mergeKey" or "key"');
  } else if (config.disposition === 'merge' && config.key.length === 0) {
    problems.push('disposition "merge" needs "key"');
  }
  if (strategy === 'scd2' && config.version.length === 0)
    problems.push('strategy "scd2" needs "version": it orders the history of a key');
  if (config.mergeKey !== undefined && strategy !== 'delete-insert')
    problems.push('"mergeKey" belongs to strategy "delete-insert"');
  if (config.hardDelete !== undefined && strategy === 'delete-insert' && config.key.length === 0)
    problems.push('"hardDelete" needs "key", which says whose row goes');
  if (config.hardDelete !== undefined && config.disposition !== 'merge')
    problems.push('"hardDelete" belongs to disposition "merge"');
  return problems;
}
