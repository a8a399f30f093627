import type { ComparedColumn } from '../../core/reconcile/reconcile.js';
import { bucketOf, rowHash, type ChecksumSpelling } from '../checksum.js';
import { oddDoubles } from '../double-text.js';
import type { ChecksumQuery } from '../source.js';
import type { Described } from './describe.js';
import { bound, column } from './row-sql.js';
import type { Encoding } from './type-forms.js';

const integers = ['smallint', 'integer', 'bigint'];
/** Texts whose cast is what the server writes; others go through `format`, which calls the type's own output function. */
const plainTexts = ['text', 'character varying', 'uuid'];

/** What of the described relation a checksum runs over. */
export interface ChecksumScope {
  readonly described: Described;
  /** Condition of rows that are not deleted, where there are deletions. */
  readonly alive: string | undefined;
  /** The column that a read by data interval follows. */
  readonly follows: string | undefined;
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
      // A column of so many digits has no others.
      if (form.digits?.scale === (type.scale ?? 9)) return `${value}::text`;
      const number = typeName === 'numeric' ? value : `${value}::numeric`;
      const scaled = `round(${number}, ${String(type.scale ?? 9)})`;
      // More digits than the table can hold are a difference, not something to round away.
      return `CASE WHEN ${scaled} = ${number} THEN ${scaled} ELSE ${number} END::text`;
    }
    case 'boolean':
      return typeName === 'boolean' ? `CASE ${value} WHEN TRUE THEN 't' WHEN FALSE THEN 'f' END` : undefined;
    case 'timestamp':
      if (typeName === 'timestamp without time zone') return `${value}::text`;
      return typeName === 'timestamp with time zone' ? `(${value} AT TIME ZONE 'UTC')::text` : undefined;
    case 'date':
      return typeName === 'date' ? `${value}::text` : undefined;
    case 'double':
      return doubleText(value, typeName);
    case 'bytes':
      return encoding === 'text' && typeName !== 'bytea' ? hexOfBase64(`${value}::text`) : undefined;
    default:
      return undefined;
  }
}

/** The bits that the server sends of a double. A `real` is read as the double that its own digits are. */
function doubleText(value: string, typeName: string): string | undefined {
  const isReal = typeName === 'real';
  if (!isReal && typeName !== 'double precision' && !integers.includes(typeName)) return undefined;
  const double = isReal ? `${value}::text::float8` : `${value}::float8`;
  const bits = `('x' || encode(float8send(abs(${double})), 'hex'))::bit(64)::bigint`;
  const { notANumber, infinity, negativeInfinity } = oddDoubles;
  return `CASE WHEN ${double} = 0 THEN '0' WHEN ${double} IN (${notANumber}, ${infinity}, ${negativeInfinity}) THEN ${double}::text
    ELSE (${bits} * CASE WHEN ${double} < 0 THEN -1 ELSE 1 END)::text END`;
}

/** Bytes come as base64; what is none is set aside by the load. */
function hexOfBase64(text: string): string {
  return `CASE WHEN ${text} ~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$' THEN encode(decode(${text}, 'base64'), 'hex') ELSE ${text} END`;
}

/** A SELECT of the lines that a query asks for. Buckets to look at are held by the session under `millrace.buckets`. */
export function checksumSql(
  { described, alive }: ChecksumScope,
  query: ChecksumQuery,
): { readonly sql: string; readonly columns: readonly { name: string; encoding: Encoding }[] } {
  const { relation } = described;
  const from = relation.isTable === true ? relation.sql : `(\n${relation.sql}\n)`;
  const spelling = spellingOf(described);
  const conditions = [
    ...(alive === undefined ? [] : [alive]),
    ...(query.window === undefined || query.level === 'keys'
      ? []
      : withinTime(query.window.column, described)),
    ...(query.within === undefined
      ? []
      : [
          `${bucketOf(spelling, query.key, query.within.modulus)} IN (SELECT unnest(current_setting('millrace.buckets')::bigint[]))`,
        ]),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  if (query.level === 'buckets') {
    const bucket = bucketOf(spelling, query.key, query.modulus);
    const hash = rowHash(spelling, query.columns);
    return {
      // The planner takes an expression for as various as its columns, and would sort all rows for so many groups; of what is
      // behind an OFFSET it knows nothing and keeps the sums in memory, where those of the buckets fit.
      sql: `SELECT b, count(*), sum(h) FROM (SELECT ${bucket} AS b, ${hash} AS h FROM ${from} AS q${where} OFFSET 0) AS r GROUP BY b`,
      columns: ['b', 'n', 's'].map((name) => ({ name, encoding: 'text' })),
    };
  }
  const { version } = query;
  const content = query.columns.filter(({ name }) => !version.some((one) => one.name === name));
  const { text } = spelling;
  return {
    sql: `SELECT ${[...query.key.map(text), ...version.map(text), rowHash(spelling, content)].join(', ')} FROM ${from} AS q${where}`,
    columns: [
      ...query.key.map((_, index) => `k${String(index)}`),
      ...version.map((_, index) => `v${String(index)}`),
      'c',
    ].map((name) => ({ name, encoding: 'text' })),
  };
}

/** The bounds are held by the session, as those of a read. */
function withinTime({ source }: ComparedColumn, { forms }: Described): string[] {
  const kind = forms.get(source)?.cursor ?? 'timestamptz';
  return [`${column(source)} >= ${bound('lower', kind)}`, `${column(source)} < ${bound('upper', kind)}`];
}

function spellingOf(described: Described): ChecksumSpelling {
  return {
    text: (one) => canonicalText(one, described) ?? 'NULL::text',
    integer: ({ source }) => `${column(source)}::bigint`,
    byteLength: (text) => `octet_length(${text})::text`,
    join: (texts) => texts.join(' || '),
    hashNumber: (text, digits) =>
      `('x' || substr(md5(${text}), 1, ${String(digits)}))::bit(${String(digits * 4)})::bigint`,
    remainder: (number, modulus) => `${number} % ${String(modulus)}`,
  };
}
