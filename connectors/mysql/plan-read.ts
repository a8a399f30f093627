import type { RelationalDialect } from '../relational/dialect.js';
import { planRead as planRelational, type ReadPlan as RelationalPlan } from '../relational/plan-read.js';
import type { ReadRequest } from '../source.js';
import { boundsOf } from './cursor-bounds.js';
import type { Described } from './describe.js';
import { goneKeys, isAskedKey } from './key-selection.js';
import type { MysqlOptions } from './options.js';
import { bound, column } from './row-sql.js';
import type { ColumnForm, CursorKind } from './type-forms.js';

/** The statements of one read. */
export type ReadPlan = RelationalPlan<ColumnForm, CursorKind>;

const dialect: RelationalDialect<ColumnForm, CursorKind> = {
  column,
  bound,
  boundsOf,
  cursorTypes: 'datetime, timestamp, date or an integer',
  isMark: ({ castType }) => castType.startsWith('BIGINT'),
  markTypes: 'an integer or bit',
  isAskedKey,
  goneKeys,
};

/** Plans a read, or tells all that is wrong with it. */
export function planRead(
  described: Described,
  options: MysqlOptions,
  request: ReadRequest,
): ReadPlan | { readonly problems: readonly string[] } {
  return planRelational(described, options, request, dialect);
}
