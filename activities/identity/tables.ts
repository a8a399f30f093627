import { defaultContract, type ColumnSpec, type ColumnType } from '../../core/loading/columns.js';
import type { LoadConfig } from '../../core/dag/dag-spec.js';
import { identityTables, type IdentityConfig, type IdentityTables } from '../../core/identity/spec.js';

export type IdentityTable = keyof IdentityTables;

const columns = (type: ColumnType, ...names: string[]): ColumnSpec[] =>
  names.map((name) => ({ name, type, nullable: true }));

/**
 * Columns of the tables of a graph. `revision` is the resolve that wrote the row; `component` is the same for everything that
 * depends on each other, and names what a resolve reads that has to do with some identifiers only.
 */
export const identityColumns: Readonly<Record<IdentityTable, readonly ColumnSpec[]>> = {
  identifiers: [
    ...columns('string', 'identifier_id', 'identifier_type', 'identifier_value', 'person_key'),
    ...columns('int64', 'person_key_revision'),
    ...columns('timestamp', 'first_seen', 'last_seen'),
    ...columns('string', 'source', 'component'),
    ...columns('int64', 'revision'),
  ],
  links: [
    ...columns('string', 'left_id', 'right_id'),
    ...columns('timestamp', 'first_seen', 'last_seen'),
    ...columns('string', 'source', 'status', 'component'),
    ...columns('int64', 'revision'),
  ],
  merges: [
    ...columns('string', 'merge_id', 'merged_key', 'kept_key', 'resolves_to', 'status'),
    ...columns('string', 'left_id', 'right_id'),
    ...columns('json', 'links'),
    ...columns('string', 'merged_anchor_id', 'kept_anchor_id'),
    ...columns('int64', 'merged_key_revision', 'merged_in'),
    ...columns('timestamp', 'merged_at'),
    ...columns('string', 'run_id', 'component'),
    ...columns('int64', 'revision'),
  ],
  splits: [
    ...columns('string', 'merge_id', 'reason', 'split_by'),
    ...columns('timestamp', 'split_at'),
    ...columns('string', 'run_id'),
    ...columns('int64', 'revision'),
  ],
  reads: [
    ...columns('string', 'source_table', 'load_id'),
    ...columns('json', 'note'),
    ...columns('int64', 'revision'),
  ],
};

const keys: Readonly<Record<IdentityTable, readonly string[]>> = {
  identifiers: ['identifier_id'],
  links: ['left_id', 'right_id'],
  merges: ['merge_id'],
  splits: ['merge_id'],
  reads: ['source_table', 'load_id'],
};

/** How a table of a graph is loaded. A split stays as it was first written: it is the record of who did what. */
export function identityLoad(config: IdentityConfig, table: IdentityTable): LoadConfig {
  return {
    into: identityTables(config)[table],
    disposition: 'merge',
    ...(table === 'splits' ? { strategy: 'insert-only' as const } : {}),
    key: keys[table],
    version: ['revision'],
    contract: defaultContract,
  };
}
