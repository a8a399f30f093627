import type { createGa4State, Ga4FixtureEvent, Ga4FixtureTable } from './ga4-state.js';

type Ga4State = ReturnType<typeof createGa4State>;

/** An answer of the fixture. */
export interface Ga4Answer {
  readonly status: number;
  readonly body: object;
}

const identity = [
  'stream_id',
  'user_pseudo_id',
  'event_timestamp',
  'event_name',
  'event_bundle_sequence_id',
  'batch_page_id',
  'batch_ordering_id',
  'batch_event_index',
];

/** An error in BigQuery's form. */
export function ga4Refusal(code: number, reason: string, message: string): Ga4Answer {
  return {
    status: code,
    body: { error: { code, message, errors: [{ reason, message, domain: 'global' }] } },
  };
}

/** A page of the list of tables (`tables.list`). */
export function tableList(state: Ga4State, place: object, query: URLSearchParams): Ga4Answer {
  const all = [...state.tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const start = Number(query.get('pageToken') ?? 0);
  const shown = all.slice(start, start + Math.min(Number(query.get('maxResults') ?? 50), 4));
  const next = start + shown.length;
  return {
    status: 200,
    body: {
      kind: 'bigquery#tableList',
      tables: shown.map((table) => ({
        id: table.name,
        tableReference: { ...place, tableId: table.name },
        type: 'TABLE',
        creationTime: String(table.createdMs),
      })),
      totalItems: all.length,
      ...(next < all.length && { nextPageToken: String(next) }),
    },
  };
}

/** The state of a table (`tables.get`). */
export function tableState(state: Ga4State, name: string): Ga4Answer {
  const table = state.tables.get(name);
  if (table === undefined) return ga4Refusal(404, 'notFound', `Not found: Table ${name}`);
  const columns = Object.keys(table.events[0] ?? {});
  return {
    status: 200,
    body: {
      id: name,
      creationTime: String(table.createdMs),
      lastModifiedTime: String(table.modifiedMs),
      numRows: String(table.events.length),
      schema: { fields: columns.map((column) => ({ name: column, type: 'STRING' })) },
    },
  };
}

/**
 * The rows of the one statement that the GA4 source sends: events of a table as JSON texts, by name and time, each with its
 * number among those of the same identity. Undefined for a table that is not there. @throws Error for another statement
 */
export function statementRows(state: Ga4State, sql: string): readonly (readonly string[])[] | undefined {
  const name = /FROM `[^`]+\.(events_\w+)` AS e/.exec(sql)?.[1];
  if (name === undefined || !sql.includes('TO_JSON_STRING(e)')) throw new Error('another statement was sent');
  const table: Ga4FixtureTable | undefined = state.tables.get(name);
  if (table === undefined) return undefined;
  const names = /event_name IN \(([^)]+)\)/.exec(sql)?.[1]?.split(', ');
  const bound = (operator: string): number | undefined => {
    const digits = new RegExp(`event_timestamp ${operator} (\\d+)`).exec(sql)?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  const [from, to] = [bound('>='), bound('<')];
  const isAsked = (event: Ga4FixtureEvent): boolean =>
    (names?.includes(`'${event.event_name}'`) ?? true) &&
    (from === undefined || event.event_timestamp >= from) &&
    (to === undefined || event.event_timestamp < to);
  const counts = new Map<string, number>();
  return table.events
    .filter(isAsked)
    .map((event) => ({ event, text: JSON.stringify(event) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ event, text }) => {
      const key = identity.map((column) => JSON.stringify(event[column])).join();
      const twin = (counts.get(key) ?? 0) + 1;
      counts.set(key, twin);
      return [text, String(twin)];
    });
}

/** A page of a result (`jobs.getQueryResults`). */
export function resultPage(rows: readonly (readonly string[])[], query: URLSearchParams): Ga4Answer {
  const start = Number(query.get('pageToken') ?? 0);
  const shown = rows.slice(start, start + Number(query.get('maxResults') ?? rows.length));
  const next = start + shown.length;
  return {
    status: 200,
    body: {
      kind: 'bigquery#getQueryResultsResponse',
      jobComplete: true,
      totalRows: String(rows.length),
      schema: {
        fields: [
          { name: 'event', type: 'STRING' },
          { name: 'twin', type: 'INTEGER' },
        ],
      },
      rows: shown.map((row) => ({ f: row.map((v) => ({ v })) })),
      ...(next < rows.length && { pageToken: String(next) }),
    },
  };
}
