import { nearestName } from '../nearest-name.js';
import type { KeyRequest, ReadRequest, SourceBatch } from '../source.js';
import { boundsOf, type Bounds } from './cursor-bounds.js';
import type { Described } from './describe.js';
import { goneKeys, isAskedKey } from './key-selection.js';
import type { MysqlOptions } from './options.js';
import { bound, column, type RowQuery } from './row-sql.js';
import type { ColumnForm, CursorKind } from './type-forms.js';

/** The statements of one read, in order, and the bounds that they look up. */
export interface ReadPlan {
  readonly parts: readonly { readonly kind: SourceBatch['kind']; readonly query: RowQuery }[];
  readonly bounds: Bounds;
  /** The column that the cursor follows, where the task reads by cursor. */
  readonly cursor: OrderColumn | undefined;
  /** Condition of rows that are not deleted, where there are deletions. */
  readonly alive: string | undefined;
}

/** The column in whose order rows are read. */
export interface OrderColumn {
  readonly name: string;
  readonly kind: CursorKind;
  readonly isNotNull: boolean;
}

/** Which rows are deletions. */
interface Deletions {
  readonly alive: string;
  readonly gone: string;
  readonly columns: RowQuery['columns'];
}

/** Plans a read, or tells all that is wrong with it. */
export function planRead(
  described: Described,
  options: MysqlOptions,
  request: ReadRequest,
): ReadPlan | { readonly problems: readonly string[] } {
  const lookup = new ColumnLookup(described);
  const order = orderOf(lookup, options, request);
  const bounds = order === undefined ? {} : lookup.boundsOf(order, request, options);
  const columns = lookup.pick(described.columns, 'column');
  if (described.columns.length === 0) lookup.problems.push('there is no column to read');
  if (order !== undefined && !described.columns.includes(order.name))
    lookup.problems.push(`"columns" must hold "${order.name}", which the read follows`);
  if (options.key !== undefined && options.deleted === undefined) lookup.pick(options.key, 'the key');
  const deletions = deletionsOf(lookup, described.key, options, request);
  if (lookup.problems.length > 0) return { problems: [...new Set(lookup.problems)] };
  return {
    parts: partsOf(described, columns, { order, bounds, deletions, keys: request.keys }),
    bounds,
    cursor: request.cursorPath === undefined ? undefined : order,
    alive: deletions?.alive,
  };
}

interface Choice {
  readonly order: OrderColumn | undefined;
  readonly bounds: Bounds;
  readonly deletions: Deletions | undefined;
  readonly keys: KeyRequest | undefined;
}

function partsOf(
  described: Described,
  columns: RowQuery['columns'],
  { order, bounds, deletions, keys }: Choice,
): ReadPlan['parts'] {
  const { relation, key } = described;
  const within = [
    ...(order === undefined ? [] : withinBounds(order, bounds)),
    ...(keys === undefined ? [] : [isAskedKey(keys, described)]),
  ];
  const orderBy = order === undefined ? [] : [order.name, ...key.filter((name) => name !== order.name)];
  const alive = deletions === undefined ? [] : [deletions.alive];
  const rows = (conditions: readonly string[], by: readonly string[]): ReadPlan['parts'][number] => ({
    kind: 'rows',
    query: { relation, columns, conditions: [...conditions, ...alive], orderBy: by },
  });
  const parts: ReadPlan['parts'][number][] = [];
  if (order !== undefined && within.length === 0 && !order.isNotNull)
    // Before the first cursor there is no bound, and rows without a value, which no cursor ever finds, are read once.
    parts.push(
      rows([`${column(order.name)} IS NULL`], []),
      rows([`${column(order.name)} IS NOT NULL`], orderBy),
    );
  else parts.push(rows(within, orderBy));
  if (deletions !== undefined) {
    const conditions = [...within, deletions.gone];
    parts.push({ kind: 'deletes', query: { relation, columns: deletions.columns, conditions, orderBy } });
  }
  if (keys?.deletions === true) parts.push({ kind: 'deletes', query: goneKeys(keys, described, alive) });
  return parts;
}

/** Columns by name, and what was found wrong on the way. */
class ColumnLookup {
  readonly problems: string[] = [];
  readonly #described: Described;

  constructor(described: Described) {
    this.#described = described;
  }

  form(name: string, what: string): ColumnForm | undefined {
    const { forms, unreadable } = this.#described;
    const form = forms.get(name);
    const refused = unreadable.get(name);
    if (refused !== undefined)
      this.problems.push(
        `column "${name}" has type ${refused}, which is not read: leave it out of "columns", or read text of it in a query (ST_AsText, ST_AsGeoJSON)`,
      );
    else if (form === undefined)
      this.problems.push(
        `${what} "${name}" is no column of what is read${nearestName(name, [...forms.keys()])}`,
      );
    return form;
  }

  pick(names: readonly string[], what: string): RowQuery['columns'] {
    return names.flatMap((name) => {
      const form = this.form(name, what);
      return form === undefined ? [] : [[name, form] as const];
    });
  }

  boundsOf({ name, kind }: OrderColumn, request: ReadRequest, { overlap }: MysqlOptions): Bounds {
    const bounds = boundsOf(request, kind, overlap);
    if (!('problem' in bounds)) return bounds;
    this.problems.push(`column "${name}" ${bounds.problem}`);
    return {};
  }
}

/** A read by cursor follows its path, one by interval the column of the interval; a full read follows none. */
function orderName({ intervalColumn }: MysqlOptions, request: ReadRequest): string | undefined {
  return request.interval === undefined ? request.cursorPath : (intervalColumn ?? request.cursorPath);
}

function orderOf(lookup: ColumnLookup, options: MysqlOptions, request: ReadRequest): OrderColumn | undefined {
  const name = orderName(options, request);
  if (name === undefined) {
    if (request.interval !== undefined)
      lookup.problems.push('reading by data interval needs "intervalColumn"');
    return undefined;
  }
  const form = lookup.form(name, 'the cursor or interval column');
  if (form?.cursor !== undefined) return { name, kind: form.cursor, isNotNull: form.isNotNull };
  if (form !== undefined)
    lookup.problems.push(
      `column "${name}" has type ${form.typeName}; a cursor needs datetime, timestamp, date or an integer`,
    );
  return undefined;
}

function deletionsOf(
  lookup: ColumnLookup,
  key: readonly string[],
  options: MysqlOptions,
  request: ReadRequest,
): Deletions | undefined {
  if (options.deleted === undefined) return undefined;
  const { column: name, mark } = options.deleted;
  const form = lookup.form(name, mark === 'true' ? '"deletedWhen"' : '"deletedAt"');
  if (mark === 'true' && form !== undefined && !form.castType.startsWith('BIGINT'))
    lookup.problems.push(`column "${name}" has type ${form.typeName}; "deletedWhen" needs an integer or bit`);
  if (key.length === 0) lookup.problems.push('deletions need "key": nothing says what identifies a row');
  const version = options.version ?? orderName(options, request);
  if (version === undefined)
    lookup.problems.push('deletions need "version": a full read has no cursor column to take its place');
  const marks = version === undefined || key.includes(version) ? key : [...key, version];
  const [alive, gone] = mark === 'true' ? ['IS NOT TRUE', 'IS TRUE'] : (['IS NULL', 'IS NOT NULL'] as const);
  return {
    alive: `${column(name)} ${alive}`,
    gone: `${column(name)} ${gone}`,
    columns: lookup.pick(marks, 'the key or version'),
  };
}

function withinBounds({ name, kind }: OrderColumn, { lower, upper }: Bounds): string[] {
  return [
    ...(lower === undefined ? [] : [`${column(name)} >= ${bound('lower', kind)}`]),
    ...(upper === undefined ? [] : [`${column(name)} < ${bound('upper', kind)}`]),
  ];
}
