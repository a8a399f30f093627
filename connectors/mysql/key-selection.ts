import type { DescribedRows } from '../relational/dialect.js';
import type { KeyRequest } from '../source.js';
import { column, fromSql, quoteIdentifier, type RowQuery } from './row-sql.js';
import type { ColumnForm } from './type-forms.js';

/** A part of a key, or a version, as the asked rows hold it, under a name of its own. */
interface Mark {
  readonly name: string;
  readonly form: ColumnForm;
  readonly path: string;
}

/** The asked keys as rows `k`, which the session holds as `@millrace_keys`. */
function keyRows(marks: readonly Mark[]): string {
  const columns = marks.map(
    ({ name, form, path }) => `${quoteIdentifier(name)} ${form.castType} PATH '${path}'`,
  );
  return `JSON_TABLE(@millrace_keys, '$[*]' COLUMNS (${columns.join(', ')})) AS k`;
}

function marksOf(
  { key, version }: KeyRequest,
  { forms }: DescribedRows<ColumnForm>,
  isWithVersion: boolean,
): Mark[] {
  const places = [
    ...key.map((name, index) => ({ name, path: `$.key[${String(index)}]` })),
    ...(isWithVersion ? version : [])
      .map((name, index) => ({ name, path: `$.version[${String(index)}]` }))
      .filter(({ name }) => !key.includes(name)),
  ];
  return places.flatMap(({ name, path }) => {
    const form = forms.get(name);
    return form === undefined ? [] : [{ name, form, path }];
  });
}

/** Equal as the warehouse compares: texts letter by letter, whatever the collation of the column. */
function isSame(name: string, { encoding }: ColumnForm): string {
  const [own, asked] = [column(name), `k.${quoteIdentifier(name)}`];
  if (encoding !== 'text' && encoding !== 'json') return `${own} = ${asked}`;
  return `CONVERT(${own} USING utf8mb4) COLLATE utf8mb4_bin = CONVERT(${asked} USING utf8mb4) COLLATE utf8mb4_bin`;
}

/** Condition of the rows that have one of the asked keys. */
export function isAskedKey(request: KeyRequest, described: DescribedRows<ColumnForm>): string {
  const marks = marksOf(request, described, false);
  const same = marks.map(({ name, form }) => isSame(name, form));
  return `EXISTS (SELECT 1 FROM ${keyRows(marks)} WHERE ${same.join(' AND ')})`;
}

/** Asked keys of which no row is left, with their versions. */
export function goneKeys(
  request: KeyRequest,
  described: DescribedRows<ColumnForm>,
  alive: readonly string[],
): RowQuery {
  const marks = marksOf(request, described, true);
  const same = marks
    .filter(({ name }) => request.key.includes(name))
    .map(({ name, form }) => isSame(name, form));
  return {
    relation: {
      sql: `SELECT k.* FROM ${keyRows(marks)}
        WHERE NOT EXISTS (SELECT 1 FROM ${fromSql(described.relation)} WHERE ${[...same, ...alive].join(' AND ')})`,
    },
    columns: marks.map(({ name, form }) => [name, form] as const),
    conditions: [],
    orderBy: [],
  };
}
