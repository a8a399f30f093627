import type { Session } from './session.js';

/** How the values of a column are written, and whether it can be a cursor. */
export interface ColumnForm {
  /** The column as the server writes it, from its quoted name. */
  expression(column: string): string;
  readonly encoding: Encoding;
  /** How its values are ordered as a cursor; `undefined`: they cannot be one. */
  readonly cursor: CursorKind | undefined;
  readonly typeName: string;
  /** Digits of a `numeric` whose column bounds them. */
  readonly digits?: { readonly precision: number; readonly scale: number };
}

/** What the server's text of a value becomes in JSON; see `json-lines.ts`. */
export type Encoding = 'text' | 'number' | 'boolean' | 'instant' | 'json';

export type CursorKind = 'timestamptz' | 'timestamp' | 'date' | 'integer';

const cursorKinds: Readonly<Record<string, CursorKind>> = {
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
  date: 'date',
  smallint: 'integer',
  integer: 'integer',
  bigint: 'integer',
};

const encodings: Readonly<Record<string, Encoding>> = {
  smallint: 'number',
  integer: 'number',
  bigint: 'number',
  real: 'number',
  'double precision': 'number',
  boolean: 'boolean',
  'timestamp with time zone': 'instant',
  'timestamp without time zone': 'instant',
  json: 'json',
  jsonb: 'json',
};

/** Types that are not read as they are. */
const expressions: Readonly<Record<string, (column: string) => string>> = {
  // Without a zone nobody knows which instant it is; it counts as UTC.
  'timestamp without time zone': (column) => `${column} AT TIME ZONE 'UTC'`,
  // Its text depends on the server's locale.
  money: (column) => `${column}::numeric`,
  // As JSON numbers their digits could be rounded by whoever reads them.
  'numeric[]': (column) => `to_json(${column}::text[])`,
};

/**
 * Looks types up, domains as what they are made of.
 *
 * @returns a lookup by oid.
 */
export async function readTypes(
  session: Session,
  oids: readonly string[],
): Promise<(oid: string) => ColumnForm> {
  const rows = await session.rows(
    `WITH RECURSIVE base AS (
       SELECT t.oid AS origin, t.* FROM pg_catalog.pg_type t WHERE t.oid = ANY($1::oid[])
       UNION ALL
       SELECT b.origin, t.* FROM base b JOIN pg_catalog.pg_type t ON b.typtype = 'd' AND t.oid = b.typbasetype
     )
     SELECT origin::text AS origin, pg_catalog.format_type(oid, NULL) AS name,
            typcategory <> 'A' AND (typtype = 'e' OR typtype IN ('b', 'r', 'm') AND typnamespace = 'pg_catalog'::regnamespace) AS plain
     FROM base WHERE typtype <> 'd'`,
    [[...new Set(oids)]],
  );
  const forms = new Map(
    rows.map((row) => [row['origin'] ?? '', formOf(row['name'] ?? '', row['plain'] === 't')]),
  );
  return (oid) => forms.get(oid) ?? formOf('unknown', false);
}

/**
 * The form of a column with the modifier of its type, by which `numeric(12,2)` bounds its digits: precision above 16 bits,
 * scale in 11 bits with a sign, four in all added. Source: PostgreSQL, src/backend/utils/adt/numeric.c, "make_numeric_typmod".
 */
export function withModifier(form: ColumnForm, modifier: number): ColumnForm {
  if (form.typeName !== 'numeric' || modifier < 4) return form;
  const precision = ((modifier - 4) >> 16) & 0xffff;
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  return { ...form, digits: { precision, scale } };
}

/** Arrays, composite types and those of extensions are written as JSON by the server. */
function formOf(typeName: string, isPlain: boolean): ColumnForm {
  const encoding = encodings[typeName] ?? (isPlain ? 'text' : 'json');
  const toJson = (column: string): string => (isPlain ? column : `to_json(${column})`);
  return {
    expression: expressions[typeName] ?? toJson,
    encoding,
    cursor: cursorKinds[typeName],
    typeName,
  };
}
