import type { ReadRequest, SourceBatch } from '../source.js';
import { boundsOf } from './cursor-bounds.js';
import type { Described } from './describe.js';
import { nearestName } from './nearest-name.js';
import type { PostgresOptions } from './options.js';
import { bound, column, type RowQuery } from './row-sql.js';
import type { ColumnForm, CursorKind } from './type-forms.js';

/** The statements of one read, in order, and the values that they look up. */
export interface ReadPlan {
  readonly parts: readonly { readonly kind: SourceBatch['kind']; readonly query: RowQuery }[];
  /** Settings of the transaction: bounds and the values of the query. */
  readonly values: Readonly<Record<string, string | null>>;
  /** The column that the cursor follows, where the task reads by cursor. */
  readonly cursor: { readonly name: string; readonly kind: CursorKind } | undefined;
}

/** Plans a read, or tells all that is wrong with it. */
export function planRead(
  { relation, forms, columns, key }: Described,
  options: PostgresOptions,
  request: ReadRequest,
): ReadPlan | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const formOf = (name: string, what: string): ColumnForm | undefined => {
    const form = forms.get(name);
    if (form === undefined)
      problems.push(`${what} "${name}" is no column of what is read${nearestName(name, [...forms.keys()])}`);
    return form;
  };
  const pick = (names: readonly string[], what: string): RowQuery['columns'] =>
    names.flatMap((name) => {
      const form = formOf(name, what);
      return form === undefined ? [] : [[name, form] as const];
    });

  const by = orderColumn(options, request);
  if (by === undefined && request.interval !== undefined)
    problems.push('reading by data interval needs "intervalColumn"');
  const order =
    by === undefined ? undefined : cursorOf(by, formOf(by, 'the cursor or interval column'), problems);
  const bounds = order === undefined ? {} : boundsOf(request, order.kind, options.overlap);
  if ('problem' in bounds) problems.push(`column "${String(by)}" ${bounds.problem}`);
  const rows = pick(columns, 'column');
  if (order !== undefined && !columns.includes(order.name))
    problems.push(`"columns" must hold "${order.name}", which the read follows`);
  if (options.deleted === undefined) pick(options.key ?? [], 'the key');
  const deletes = options.deleted === undefined ? undefined : deletionOf(options.deleted, formOf, problems);
  const version = options.version ?? by;
  if (deletes !== undefined && key.length === 0)
    problems.push('deletions need "key": the table has no primary key to take its place');
  if (deletes !== undefined && version === undefined)
    problems.push('deletions need "version": a full read has no cursor column to take its place');
  const deletedColumns =
    deletes === undefined
      ? []
      : [
          ...pick(key, 'the key'),
          ...pick(version === undefined || key.includes(version) ? [] : [version], 'the version'),
        ];
  if (problems.length > 0 || 'problem' in bounds) return { problems: [...new Set(problems)] };

  const within = order === undefined ? [] : withinBounds(order, bounds);
  const orderBy = order === undefined ? [] : [order.name, ...key.filter((name) => name !== order.name)];
  const alive = deletes === undefined ? [] : [deletes.alive];
  // Before the first cursor there is no bound, and rows without a value, which no cursor ever finds, are read once.
  const isFirst = order !== undefined && within.length === 0;
  const known = isFirst ? [`${column(order.name)} IS NOT NULL`] : within;
  const read = (conditions: readonly string[], sorted = orderBy): RowQuery => ({
    relation,
    columns: rows,
    conditions,
    orderBy: sorted,
  });
  return {
    parts: [
      ...(isFirst
        ? [{ kind: 'rows', query: read([`${column(order.name)} IS NULL`, ...alive], []) } as const]
        : []),
      { kind: 'rows', query: read([...known, ...alive]) },
      ...(deletes === undefined
        ? []
        : [
            {
              kind: 'deletes',
              query: { relation, columns: deletedColumns, conditions: [...within, deletes.gone], orderBy },
            } as const,
          ]),
    ],
    values: {
      ...('sql' in options.from ? prefixed(options.from.values) : {}),
      ...(bounds.lower !== undefined && { 'millrace.lower': bounds.lower }),
      ...(bounds.upper !== undefined && { 'millrace.upper': bounds.upper }),
    },
    cursor: request.cursorPath === undefined ? undefined : order,
  };
}

/** A read by cursor follows its path, one by interval the column of the interval; a full read follows none. */
function orderColumn({ intervalColumn }: PostgresOptions, request: ReadRequest): string | undefined {
  return request.interval === undefined ? request.cursorPath : (intervalColumn ?? request.cursorPath);
}

function cursorOf(
  name: string,
  form: ColumnForm | undefined,
  problems: string[],
): { readonly name: string; readonly kind: CursorKind } | undefined {
  if (form === undefined) return undefined;
  if (form.cursor !== undefined) return { name, kind: form.cursor };
  problems.push(
    `column "${name}" has type ${form.typeName}; a cursor needs timestamptz, timestamp, date, smallint, integer or bigint`,
  );
  return undefined;
}

function deletionOf(
  { column: name, mark }: NonNullable<PostgresOptions['deleted']>,
  formOf: (name: string, what: string) => ColumnForm | undefined,
  problems: string[],
): { readonly alive: string; readonly gone: string } {
  const form = formOf(name, mark === 'true' ? '"deletedWhen"' : '"deletedAt"');
  if (mark === 'set') return { alive: `${column(name)} IS NULL`, gone: `${column(name)} IS NOT NULL` };
  if (form !== undefined && form.typeName !== 'boolean')
    problems.push(`column "${name}" has type ${form.typeName}; "deletedWhen" needs boolean`);
  return { alive: `${column(name)} IS NOT TRUE`, gone: `${column(name)} IS TRUE` };
}

function withinBounds(
  { name, kind }: { readonly name: string; readonly kind: CursorKind },
  { lower, upper }: { readonly lower?: string; readonly upper?: string },
): string[] {
  return [
    ...(lower === undefined ? [] : [`${column(name)} >= ${bound('lower', kind)}`]),
    ...(upper === undefined ? [] : [`${column(name)} < ${bound('upper', kind)}`]),
  ];
}

function prefixed(values: Readonly<Record<string, string | null>>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`millrace.${name}`, value]));
}
