import type { Session } from './session.js';

/** How values of a column are written, and whether it can be a cursor. */
export interface ColumnForm {
  /** What is done to the column before the row becomes JSON. */
  readonly cast: '' | '::text' | '::text[]' | '::numeric::text' | " AT TIME ZONE 'UTC'";
  /** The JSON of the row may hold line breaks between its tokens. */
  readonly mayBreakLines: boolean;
  /** How its values are ordered as a cursor; `undefined`: they cannot be one. */
  readonly cursor: CursorKind | undefined;
  readonly typeName: string;
}

export type CursorKind = 'timestamptz' | 'timestamp' | 'date' | 'integer';

const cursorKinds: Readonly<Record<string, CursorKind>> = {
  'timestamp with time zone': 'timestamptz',
  'timestamp without time zone': 'timestamp',
  date: 'date',
  smallint: 'integer',
  integer: 'integer',
  bigint: 'integer',
};

const casts: Readonly<Record<string, ColumnForm['cast']>> = {
  // As a JSON number its digits could be rounded by whoever reads it.
  numeric: '::text',
  'numeric[]': '::text[]',
  // Without a zone nobody knows which instant it is; it counts as UTC.
  'timestamp without time zone': " AT TIME ZONE 'UTC'",
  // Its text depends on the server's locale.
  money: '::numeric::text',
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
       SELECT t.oid AS origin, t.oid, t.typtype, t.typbasetype, t.typelem, t.typcategory, t.typnamespace
       FROM pg_catalog.pg_type t WHERE t.oid = ANY($1::oid[])
       UNION ALL
       SELECT b.origin, t.oid, t.typtype, t.typbasetype, t.typelem, t.typcategory, t.typnamespace
       FROM base b JOIN pg_catalog.pg_type t ON b.typtype = 'd' AND t.oid = b.typbasetype
     )
     SELECT b.origin::text AS origin, pg_catalog.format_type(b.oid, NULL) AS name,
            coalesce(e.typtype, b.typtype) AS kind, coalesce(e.typnamespace, b.typnamespace) = 'pg_catalog'::regnamespace AS builtin,
            coalesce(e.oid, b.oid) = 'json'::regtype AS json
     FROM base b LEFT JOIN pg_catalog.pg_type e ON b.typcategory = 'A' AND e.oid = b.typelem
     WHERE b.typtype <> 'd'`,
    [[...new Set(oids)]],
  );
  const forms = new Map(
    rows.map((row): [string, ColumnForm] => {
      const name = row['name'] ?? '';
      const isPlain = (row['builtin'] === 't' && row['json'] !== 't') || row['kind'] === 'e';
      return [
        row['origin'] ?? '',
        { cast: casts[name] ?? '', mayBreakLines: !isPlain, cursor: cursorKinds[name], typeName: name },
      ];
    }),
  );
  const unknown: ColumnForm = { cast: '', mayBreakLines: true, cursor: undefined, typeName: 'unknown' };
  return (oid) => forms.get(oid) ?? unknown;
}
