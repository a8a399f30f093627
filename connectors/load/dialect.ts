import type { ColumnSpec } from '../../core/loading/columns.js';

/** How one warehouse spells the statements of a load. Names come in unquoted; any name is safe inside. */
export interface SqlDialect {
  /** A column. */
  name(column: string): string;
  /** A table of the place that loads go to. */
  table(name: string): string;
  typeOf(column: Pick<ColumnSpec, 'type' | 'precision' | 'scale'>): string;
  /**
   * Deletes the rows of `target` (alias `s`) that a row of `source` (alias `j`) meets. The condition pairs each row of the
   * target with one row of the source at most.
   */
  deleteMatching(target: string, source: string, condition: string): string;
  /** Sets columns of the rows of `target` (alias `s`) that a row of `source` (alias `j`) meets; one at most each. */
  updateMatching(target: string, source: string, condition: string, set: readonly string[]): string;
  /** True where one MERGE statement is the way to upsert; false where deleting and inserting is faster. */
  readonly prefersMerge: boolean;
}
