import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { source } from '../../connectors/ga4/index.js';
import type { JsonObject } from '../../core/json.js';
import { createGa4Server, type Ga4Server } from '../../testing/index.js';
import { findBigQueryEmulator, startBigQueryEmulator, type RenewedPeer } from '../peers/peers.js';
import { readAll } from './read-all.js';

const emulator = await findBigQueryEmulator();
let peer: RenewedPeer;
let fixture: Ga4Server;
let dataset: string;
// A statement takes the emulator a tenth of a second or more.
jest.setTimeout(300_000);

async function post(path: string, contentType: string, body: string): Promise<void> {
  const answer = await fetch(`${peer.url}${path}`, {
    ...{ method: 'POST', headers: { 'content-type': contentType }, body },
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

/** Makes a table of the export, and loads its events as the service takes them: in one request with the job's own words. */
async function fill(name: string, rows: readonly unknown[]): Promise<void> {
  const table = { projectId: 'test', datasetId: dataset, tableId: name };
  const tables = `/bigquery/v2/projects/test/datasets/${dataset}/tables`;
  await post(tables, 'application/json', JSON.stringify({ tableReference: table, schema }));
  const load = { destinationTable: table, sourceFormat: 'NEWLINE_DELIMITED_JSON' };
  const parts = [
    ...['--part', 'content-type: application/json', '', JSON.stringify({ configuration: { load } })],
    ...['--part', 'content-type: application/octet-stream', '', ...rows.map((row) => JSON.stringify(row))],
    ...['--part--', ''],
  ];
  const upload = '/upload/bigquery/v2/projects/test/jobs?uploadType=multipart';
  await post(upload, 'multipart/related; boundary=part', parts.join('\r\n'));
}

const field = (name: string, type = 'STRING'): Field => ({ name, type });
const record = (name: string, fields: readonly Field[], mode = 'NULLABLE'): Field => ({
  ...{ name, type: 'RECORD', fields },
  ...{ mode },
});
const parameters = (name: string, ...more: readonly Field[]) =>
  record(
    name,
    [
      field('key'),
      record('value', [
        ...[field('string_value'), field('int_value', 'INTEGER'), field('double_value', 'FLOAT'), ...more],
      ]),
    ],
    'REPEATED',
  );

/** Columns of the export as its documentation gives them, those that the fixture has. */
const schema = {
  fields: [
    ...[field('event_date'), field('event_timestamp', 'INTEGER'), field('event_name')],
    parameters('event_params'),
    ...[field('event_bundle_sequence_id', 'INTEGER'), field('event_server_timestamp_offset', 'INTEGER')],
    ...[field('user_id'), field('user_pseudo_id')],
    record(
      'privacy_info',
      ['analytics_storage', 'ads_storage', 'uses_transient_token'].map((name) => field(name)),
    ),
    parameters('user_properties', field('set_timestamp_micros', 'INTEGER')),
    record('device', [field('category'), field('language')]),
    record('geo', [field('country'), field('city')]),
    ...[field('stream_id'), field('platform')],
    record('items', [field('item_id')], 'REPEATED'),
    ...[field('batch_page_id', 'INTEGER'), field('batch_ordering_id', 'INTEGER')],
    field('batch_event_index', 'INTEGER'),
  ],
};

interface Field {
  readonly name: string;
  readonly type: string;
  readonly fields?: readonly Field[];
}

/** A row with NULL for what it lacks: the emulator loses a record that lacks a member. */
function completed(value: unknown, fields: readonly Field[]): unknown {
  if (Array.isArray(value)) return value.map((item) => completed(item, fields));
  return Object.fromEntries(
    fields.map(({ name, fields: inner }) => {
      const member = (value as JsonObject)[name] ?? null;
      return [name, inner === undefined || member === null ? member : completed(member, inner)];
    }),
  );
}

(emulator === undefined ? describe.skip : describe)('an export, read from the BigQuery emulator', () => {
  beforeAll(async () => {
    peer = await startBigQueryEmulator(emulator ?? '');
    fixture = await createGa4Server({ seed: 6, days: 2 });
    dataset = await peer.dataset();
    for (const { name, events } of fixture.tables()) {
      await fill(
        name,
        events.map((event) => completed(event, schema.fields)),
      );
    }
  });
  afterAll(async () => {
    await fixture.close();
    await peer.stop();
  });

  test.each([
    ['whole, page by page', {}],
    ['of some events and one interval', { events: ['purchase', 'page_view'] }],
  ])('%s: the rows are those of the fixture, twins and ids included', async (_how, own: JsonObject) => {
    const day = { start: '2026-01-03T06:00:00.000Z', end: '2026-01-04T18:00:00.000Z' };
    const read = async (connection: JsonObject) => {
      const options = { pageSize: 9, ...own };
      const interval = 'events' in own ? { interval: day } : {};
      const { rows } = await readAll(source, { stream: 'events', connection, options, ...interval });
      // As text, so that no digit is lost. Each server has its own time of a table's last change, and the emulator puts
      // doubles within lists in quotes.
      const even = (line: string) =>
        line.replace(/"exported_at":"[^"]+",/, '').replace('"value":"42.5"', '"value":42.5');
      return rows.map(even).sort();
    };
    const right = await read(fixture.connection);
    expect(right.length).toBeGreaterThan(9);
    const found = await read({ connector: 'ga4', project: 'test', dataset, apiEndpoint: peer.url });
    expect(found).toEqual(right);
  });
});
