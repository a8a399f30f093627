import { nearestName } from '../nearest-name.js';
import type { KeyRequest, ReadRequest, SourceBatch } from '../source.js';
import type {
  Bounds,
  DescribedRows,
  OrderColumn,
  PlannedColumn,
  RelationalDialect,
  RelationalOptions,
  RowQuery,
} from './dialect.js';

/** The statements of one read, in order, and the bounds that they look up. */
export interface ReadPlan<Form, Kind> {
  readonly parts: readonly { readonly kind: SourceBatch['kind']; readonly query: RowQuery<Form> }[];
  readonly bounds: Bounds;
  /** The column that the cursor follows, where the task reads by cursor. */
  readonly cursor: OrderColumn<Kind> | undefined;
  /** Condition of rows that are not deleted, where there are deletions. */
  readonly alive: string | undefined;
}

/** Which rows are deletions. */
interface Deletions<Form> {
  readonly alive: string;
  readonly gone: string;
  readonly columns: RowQuery<Form>['columns'];
}

/** Plans a read, or tells all that is wrong with it. */
export function planRead<Form extends PlannedColumn<Kind>, Kind>(
  described: DescribedRows<Form>,
  options: RelationalOptions,
  request: ReadRequest,
  dialect: RelationalDialect<Form, Kind>,
): ReadPlan<Form, Kind> | { readonly problems: readonly string[] } {
  const lookup = new ColumnLookup(described, dialect);
  const order = lookup.order(options, request);
  const bounds = order === undefined ? {} : lookup.bounds(order, request, options);
  const columns = lookup.pick(described.columns, 'column');
  if (described.columns.length === 0) lookup.problems.push('there is no column to read');
  if (order !== undefined && !described.columns.includes(order.name))
    lookup.problems.push(`"columns" must hold "${order.name}", which the read follows`);
  if (options.key !== undefined && options.deleted === undefined) lookup.pick(options.key, 'the key');
  const deletions = lookup.deletions(described.key, options, request);
  if (lookup.problems.length > 0) return { problems: [...new Set(lookup.problems)] };
  return {
    parts: partsOf(described, { columns, order, bounds, deletions, keys: request.keys }, dialect),
    bounds,
    cursor: request.cursorPath === undefined ? undefined : order,
    alive: deletions?.alive,
  };
}

interface Choice<Form, Kind> {
  readonly columns: RowQuery<Form>['columns'];
  readonly order: OrderColumn<Kind> | undefined;
  readonly bounds: Bounds;
  readonly deletions: Deletions<Form> | undefined;
  readonly keys: KeyRequest | undefined;
}

function partsOf<Form, Kind>(
  described: DescribedRows<Form>,
  { columns, order, bounds, deletions, keys }: Choice<Form, Kind>,
  dialect: RelationalDialect<Form, Kind>,
): ReadPlan<Form, Kind>['parts'] {
  const { relation, key, notNull } = described;
  const within = [
    ...(order === undefined ? [] : withinBounds(order, bounds, dialect)),
    ...(keys === undefined ? [] : [dialect.isAskedKey(keys, described)]),
  ];
  const orderBy = order === undefined ? [] : [order.name, ...key.filter((name) => name !== order.name)];
  const alive = deletions === undefined ? [] : [deletions.alive];
  const rows = (
    conditions: readonly string[],
    by: readonly string[],
  ): ReadPlan<Form, Kind>['parts'][number] => ({
    kind: 'rows',
    query: { relation, columns, conditions: [...conditions, ...alive], orderBy: by },
  });
  const parts: ReadPlan<Form, Kind>['parts'][number][] = [];
  if (order !== undefined && within.length === 0 && !notNull.has(order.name)) {
    // Before the first cursor there is no bound, and rows without a value, which no cursor ever finds, are read once.
    const value = dialect.column(order.name);
    parts.push(rows([`${value} IS NULL`], []), rows([`${value} IS NOT NULL`], orderBy));
  } else parts.push(rows(within, orderBy));
  if (deletions !== undefined) {
    const conditions = [...within, deletions.gone];
    parts.push({ kind: 'deletes', query: { relation, columns: deletions.columns, conditions, orderBy } });
  }
  if (keys?.deletions === true)
    parts.push({ kind: 'deletes', query: dialect.goneKeys(keys, described, alive) });
  return parts;
}

/** Columns by name, and what was found wrong on the way. */
class ColumnLookup<Form extends PlannedColumn<Kind>, Kind> {
  readonly problems: string[] = [];
  readonly #described: DescribedRows<Form>;
  readonly #dialect: RelationalDialect<Form, Kind>;

  constructor(described: DescribedRows<Form>, dialect: RelationalDialect<Form, Kind>) {
    this.#described = described;
    this.#dialect = dialect;
  }

  form(name: string, what: string): Form | undefined {
    const { forms, unreadable } = this.#described;
    const form = forms.get(name);
    const refusal = unreadable?.get(name);
    if (refusal !== undefined) this.problems.push(refusal);
    else if (form === undefined)
      this.problems.push(
        `${what} "${name}" is no column of what is read${nearestName(name, [...forms.keys()])}`,
      );
    return form;
  }

  pick(names: readonly string[], what: string): RowQuery<Form>['columns'] {
    return names.flatMap((name) => {
      const form = this.form(name, what);
      return form === undefined ? [] : [[name, form] as const];
    });
  }

  bounds({ name, kind }: OrderColumn<Kind>, request: ReadRequest, { overlap }: RelationalOptions): Bounds {
    const bounds = this.#dialect.boundsOf(request, kind, overlap);
    if (!('problem' in bounds)) return bounds;
    this.problems.push(`column "${name}" ${bounds.problem}`);
    return {};
  }

  order(options: RelationalOptions, request: ReadRequest): OrderColumn<Kind> | undefined {
    const name = orderName(options, request);
    if (name === undefined) {
      if (request.interval !== undefined)
        this.problems.push('reading by data interval needs "intervalColumn"');
      return undefined;
    }
    const form = this.form(name, 'the cursor or interval column');
    if (form?.cursor !== undefined) return { name, kind: form.cursor };
    if (form !== undefined)
      this.problems.push(
        `column "${name}" has type ${form.typeName}; a cursor needs ${this.#dialect.cursorTypes}`,
      );
    return undefined;
  }

  deletions(
    key: readonly string[],
    options: RelationalOptions,
    request: ReadRequest,
  ): Deletions<Form> | undefined {
    if (options.deleted === undefined) return undefined;
    const { column: name, mark } = options.deleted;
    const { column, isMark, markTypes } = this.#dialect;
    const form = this.form(name, mark === 'true' ? '"deletedWhen"' : '"deletedAt"');
    if (mark === 'true' && form !== undefined && !isMark(form))
      this.problems.push(`column "${name}" has type ${form.typeName}; "deletedWhen" needs ${markTypes}`);
    if (key.length === 0) this.problems.push('deletions need "key": nothing says what identifies a row');
    const version = options.version ?? orderName(options, request);
    if (version === undefined)
      this.problems.push('deletions need "version": a full read has no cursor column to take its place');
    const marks = version === undefined || key.includes(version) ? key : [...key, version];
    const [alive, gone] =
      mark === 'true' ? ['IS NOT TRUE', 'IS TRUE'] : (['IS NULL', 'IS NOT NULL'] as const);
    return {
      alive: `${column(name)} ${alive}`,
      gone: `${column(name)} ${gone}`,
      columns: this.pick(marks, 'the key or version'),
    };
  }
}

/** A read by cursor follows its path, one by interval the column of the interval; a full read follows none. */
function orderName({ intervalColumn }: RelationalOptions, request: ReadRequest): string | undefined {
  return request.interval === undefined ? request.cursorPath : (intervalColumn ?? request.cursorPath);
}

function withinBounds<Form, Kind>(
  { name, kind }: OrderColumn<Kind>,
  { lower, upper }: Bounds,
  { column, bound }: RelationalDialect<Form, Kind>,
): string[] {
  return [
    ...(lower === undefined ? [] : [`${column(name)} >= ${bound('lower', kind)}`]),
    ...(upper === undefined ? [] : [`${column(name)} < ${bound('upper', kind)}`]),
  ];
}
