import type { ComparedColumn } from '../../core/reconcile.js';
import { keyHashDigits, rowHashDigits } from '../checksum.js';
import type { ChecksumQuery } from '../source.js';
import type { Described } from './describe.js';
import { column } from './row-sql.js';
import type { Encoding } from './type-forms.js';

const integers = ['smallint', 'integer', 'bigint'];
/** Texts whose cast is what the server writes; others go through `format`, which calls the type's own output function. */
const plainTexts = ['text', 'character varying', 'uuid'];

/** What of the described relation a checksum runs over. */
export interface ChecksumScope {
  readonly described: Described;
  /** Condition of rows that are not deleted, where there are deletions. */
  readonly alive: string | undefined;
}

/** The text of a value, as `connectors/checksum.ts` says; `undefined` where the two types have none in common. */
export function canonicalText(
  { source, type }: ComparedColumn,
  { forms }: Pick<Described, 'forms'>,
): string | undefined {
  const form = forms.get(source);
  const value = column(source);
  if (form === undefined) return undefined;
  const { typeName, encoding } = form;
  switch (type.type) {
    case 'string':
      if (encoding !== 'text') return undefined;
      // Of NULL, `format` makes an empty text.
      return plainTexts.includes(typeName)
        ? `${value}::text`
        : `CASE WHEN ${value} IS NOT NULL THEN format('%s', ${form.expression(value)}) END`;
    case 'int64':
      return integers.includes(typeName) ? `${value}::text` : undefined;
    case 'decimal': {
      if (typeName !== 'numeric' && typeName !== 'money' && !integers.includes(typeName)) return undefined;
      const number = typeName === 'numeric' ? value : `${value}::numeric`;
      const scaled = `round(${number}, ${String(type.scale ?? 9)})`;
      // More digits than the table can hold are a difference, not something to round away.
      return `CASE WHEN ${scaled} = ${number} THEN ${scaled} ELSE ${number} END::text`;
    }
    case 'boolean':
      return typeName === 'boolean' ? `CASE WHEN ${value} THEN 't' ELSE 'f' END` : undefined;
    case 'timestamp':
      if (typeName === 'timestamp without time zone') return `${value}::text`;
      return typeName === 'timestamp with time zone' ? `(${value} AT TIME ZONE 'UTC')::text` : undefined;
    case 'date':
      return typeName === 'date' ? `${value}::text` : undefined;
    default:
      return undefined;
  }
}

/** A SELECT of the lines that a query asks for. Buckets to look at are held by the session under `millrace.buckets`. */
export function checksumSql(
  { described, alive }: ChecksumScope,
  query: ChecksumQuery,
): { readonly sql: string; readonly columns: readonly { name: string; encoding: Encoding }[] } {
  const { relation } = described;
  const from = relation.isTable === true ? relation.sql : `(\n${relation.sql}\n)`;
  const conditions = [
    ...(alive === undefined ? [] : [alive]),
    ...(query.within === undefined
      ? []
      : [
          `${bucketOf(query.key, query.within.modulus, described)} IN (SELECT unnest(current_setting('millrace.buckets')::bigint[]))`,
        ]),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const hash = rowHash(query.columns, described);
  if (query.level === 'buckets') {
    const bucket = bucketOf(query.key, query.modulus, described);
    return {
      sql: `SELECT b, count(*), sum(h) FROM (SELECT ${bucket} AS b, ${hash} AS h FROM ${from} AS q${where}) AS r GROUP BY b`,
      columns: ['b', 'n', 's'].map((name) => ({ name, encoding: 'text' })),
    };
  }
  const { version } = query;
  const content = query.columns.filter(({ name }) => !version.some((one) => one.name === name));
  const text = (one: ComparedColumn): string => canonicalText(one, described) ?? 'NULL';
  return {
    sql: `SELECT ${[...query.key.map(text), ...version.map(text), hash, rowHash(content, described)].join(', ')} FROM ${from} AS q${where}`,
    columns: [
      ...query.key.map((_, index) => `k${String(index)}`),
      ...version.map((_, index) => `v${String(index)}`),
      'h',
      'c',
    ].map((name) => ({ name, encoding: 'text' })),
  };
}

function rowText(columns: readonly ComparedColumn[], described: Described): string {
  const parts = columns.map((one) => {
    const text = canonicalText(one, described) ?? 'NULL';
    if (one.type.type === 'string')
      return `coalesce(octet_length(${text})::text || ':' || ${text}, 'n') || ','`;
    return one.type.type === 'boolean'
      ? `CASE WHEN ${column(one.source)} IS NULL THEN 'n' ELSE ${text} END || ','`
      : `coalesce(${text}, 'n') || ','`;
  });
  return parts.length === 0 ? `''` : parts.join(' || ');
}

function rowHash(columns: readonly ComparedColumn[], described: Described): string {
  return hexNumber(rowText(columns, described), rowHashDigits);
}

function bucketOf(key: readonly ComparedColumn[], modulus: number, described: Described): string {
  const [first] = key;
  const number =
    key.length === 1 && first?.type.type === 'int64'
      ? `${column(first.source)}::bigint`
      : hexNumber(rowText(key, described), keyHashDigits);
  return `abs(${number} % ${String(modulus)})`;
}

function hexNumber(text: string, digits: number): string {
  return `('x' || substr(md5(${text}), 1, ${String(digits)}))::bit(${String(digits * 4)})::bigint`;
}
