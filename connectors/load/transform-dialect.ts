import type { ColumnSpec } from '../../core/loading/columns.js';
import type { Normalisation } from '../../core/dag/dag-spec.js';

/** What a step does with a column that a warehouse may not do as the worker does it. */
export type StepUse = 'extract from' | 'keep by' | 'dedupe by';

/** How one engine spells the steps of a declarative transform. Every spelling gives what DuckDB's gives, row by row. */
export interface TransformDialect {
  /** A column. */
  name(column: string): string;
  /** Whether names that differ in case only are one column, or a name cannot be had at all: then why. */
  refusedName(columns: readonly string[]): string | undefined;
  /** Why a column cannot be used so; `undefined` where it can. */
  refusedUse(use: StepUse, column: ColumnSpec): string | undefined;
  /** The value at a path of a JSON text, for a column. */
  extract(column: ColumnSpec, json: string, path: string): string;
  constant(column: ColumnSpec, value: string): string;
  normalise(text: string, step: Normalisation): string;
  /** True where a value, as text, is one of these. */
  isOneOf(expression: string, column: ColumnSpec, texts: readonly string[]): string;
}
