import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { join } from 'node:path';
import { BigQueryEngine } from '../../connectors/bigquery/engine.js';
import { bigQuerySettings } from '../../connectors/bigquery/settings.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import { writeRows, type StagedRows } from '../../connectors/load/stage-batch.js';
import type { ColumnSpec } from '../../core/columns.js';
import { limits } from '../../core/limits.js';
import { temporaryFolder } from '../helpers/folder.js';
import { waitUntil } from '../helpers/project.js';
import { column } from '../helpers/warehouse.js';
import { startWriteApiPeer, type WriteApiPeer } from '../peers/write-api-peer.js';

const folder = temporaryFolder();
const plain = [column('id', 'int64'), column('value', 'string')];
let files = 0;
let sql: StagedSql;
let peer: WriteApiPeer;
let engine: BigQueryEngine;

/** Nothing answers at this address: a load job fails there. */
const nowhere = 'http://127.0.0.1:1';

function engineOf(options: Readonly<Record<string, string>> = {}): BigQueryEngine {
  return new BigQueryEngine(
    bigQuerySettings({
      ...{ project: 'p', dataset: 'd', apiEndpoint: nowhere, writeApiEndpoint: peer.url },
      ...options,
    }),
  );
}

/** A file as a load makes it. */
async function staged(columns: readonly ColumnSpec[], query: string): Promise<StagedRows> {
  files += 1;
  const path = join(folder, `${String(files)}.ndjson`);
  return {
    columns,
    path,
    rows: await writeRows({ stagedSql: sql, format: engine.format }, query, columns, path),
  };
}

const few = () => staged(plain, "SELECT range AS id, 'v' || range AS value FROM range(3)");
/** Five requests. */
const several = () =>
  staged(
    plain,
    `SELECT range AS id, repeat('x', ${String(limits.bigQueryAppendMaxBytes / 2)}) AS value FROM range(5)`,
  );
const idsOf = (table: string) => peer.rows(table).map(({ id }) => id);

beforeAll(async () => {
  sql = await createStagedSql();
});
afterAll(() => {
  sql.close();
});
beforeEach(async () => {
  peer = await startWriteApiPeer();
  engine = engineOf();
});
afterEach(async () => {
  await engine.close();
  peer.stop();
});

test('values of each type arrive to the digit', async () => {
  const columns = [
    column('id', 'int64'),
    column('small', 'decimal', 38, 9),
    column('large', 'decimal', 38, 0),
    column('double', 'double'),
    column('yes', 'boolean'),
    column('at', 'timestamp'),
    column('day', 'date'),
    column('bytes', 'bytes'),
    column('json', 'json'),
    column('a name-ü', 'string'),
  ];
  const rows = await staged(
    columns,
    `SELECT 9223372036854775807 AS id, 12345678901234567890123456789.123456789::DECIMAL(38, 9) AS small,
       99999999999999999999999999999999999999::DECIMAL(38, 0) AS large, 5e-324::DOUBLE AS double, true AS yes,
       TIMESTAMP '2026-02-01 10:00:00.123456' AS at, DATE '2024-02-29' AS day, '\\x00\\xFF'::BLOB AS bytes,
       '{"b": 1.0, "a": 12345678901234567890}' AS json, '' AS "a name-ü"
     UNION ALL
     SELECT -9223372036854775808, -0.000000001, NULL, -0.1, false, TIMESTAMP '1969-12-31 23:59:59.999999',
       DATE '0001-01-01', ''::BLOB, '"ü 😀\\n"', 'line' || chr(10) || '"quoted"'
     UNION ALL
     SELECT 0, NULL, NULL, NULL, NULL, TIMESTAMP '0001-01-01 00:00:00', NULL, NULL, NULL, NULL
     UNION ALL
     SELECT 1, NULL, NULL, NULL, NULL, TIMESTAMP '9999-12-31 23:59:59.999999', NULL, NULL, NULL, NULL`,
  );
  expect(await engine.upload('t', rows, {})).toBe(4);
  const flexible = Object.keys(peer.rows('t')[0] ?? {}).find((name) => name.startsWith('field_')) ?? '';
  expect(peer.rows('t')).toEqual([
    {
      ...{ id: '9223372036854775807', small: '12345678901234567890123456789.123456789' },
      ...{ large: '9'.repeat(38), double: 5e-324, yes: true, at: '1769940000123456', day: 19_782 },
      ...{ bytes: 'AP8=', json: '{"b": 1.0, "a": 12345678901234567890}', [flexible]: '' },
    },
    {
      ...{ id: '-9223372036854775808', small: '-0.000000001', double: -0.1, yes: false, at: '-1' },
      ...{ day: -719_162, bytes: '', json: '"ü 😀\\n"', [flexible]: 'line\n"quoted"' },
    },
    { id: '0', at: '-62135596800000000' },
    { id: '1', at: '253402300799999999' },
  ]);
});

test('a batch of several requests is in order, and is there as a whole', async () => {
  expect(await engine.upload('t', await several(), {})).toBe(5);
  expect(idsOf('t')).toEqual(['0', '1', '2', '3', '4']);
  expect(peer.asked).toEqual([
    'CreateWriteStream',
    ...Array.from({ length: 5 }, () => 'AppendRows'),
    ...['FinalizeWriteStream', 'BatchCommitWriteStreams'],
  ]);
});

describe('a bad network', () => {
  test.each([
    ['the first rows', 0],
    ['rows in the middle', 2],
    ['the last rows', 4],
  ])('the answer to %s is lost: they are sent again, and are there once', async (_which, after) => {
    peer.strike('AppendRows', 'lose answer', after);
    expect(await engine.upload('t', await several(), {})).toBe(5);
    expect(idsOf('t')).toEqual(['0', '1', '2', '3', '4']);
    expect(peer.asked.filter((name) => name === 'AppendRows')).toHaveLength(6);
  });

  test('the answer to the commit is lost: the stream itself tells that it is done', async () => {
    peer.strike('BatchCommitWriteStreams', 'lose answer');
    expect(await engine.upload('t', await few(), {})).toBe(3);
    expect(idsOf('t')).toEqual(['0', '1', '2']);
  });

  test('the commit is done and nobody can be asked about it at first: asked again, it happened once', async () => {
    peer.strike('BatchCommitWriteStreams', 'lose answer');
    peer.strike('GetWriteStream', { code: status.UNAVAILABLE, message: 'no' });
    expect(await engine.upload('t', await few(), {})).toBe(3);
    expect(idsOf('t')).toEqual(['0', '1', '2']);
  });

  test.each(['CreateWriteStream', 'FinalizeWriteStream'] as const)(
    'the answer to %s is lost: it is asked for again',
    async (method) => {
      peer.strike(method, 'lose answer');
      expect(await engine.upload('t', await few(), {})).toBe(3);
      expect(idsOf('t')).toEqual(['0', '1', '2']);
    },
  );

  test('a table that was just made is not known at once', async () => {
    peer.strike('CreateWriteStream', { code: status.NOT_FOUND, message: 'Requested entity was not found' });
    expect(await engine.upload('t', await few(), {})).toBe(3);
  });
});

describe('a refusal', () => {
  test.each([
    ['PERMISSION_DENIED', status.PERMISSION_DENIED, { code: 'WAREHOUSE_AUTH', retryable: false }],
    ['UNAUTHENTICATED', status.UNAUTHENTICATED, { code: 'WAREHOUSE_AUTH', retryable: false }],
    ['RESOURCE_EXHAUSTED', status.RESOURCE_EXHAUSTED, { code: 'WAREHOUSE_QUOTA', retryable: true }],
    ['DEADLINE_EXCEEDED', status.DEADLINE_EXCEEDED, { code: 'WAREHOUSE_UNAVAILABLE', retryable: true }],
    ['INVALID_ARGUMENT', status.INVALID_ARGUMENT, { code: 'WAREHOUSE_STATEMENT', retryable: false }],
    ['NOT_FOUND', status.NOT_FOUND, { code: 'WAREHOUSE_CONFLICT', retryable: true }],
  ])('of rows with %s is told apart and leaves nothing', async (_name, code, expected) => {
    peer.strike('AppendRows', { code, message: 'why not' });
    await expect(engine.upload('t', await few(), {})).rejects.toMatchObject(expected);
    expect(peer.rows('t')).toEqual([]);
  });

  test.each([
    ['UNAVAILABLE', status.UNAVAILABLE],
    ['ABORTED', status.ABORTED],
    ['INTERNAL', status.INTERNAL],
  ])('of rows with %s ends a try after some, which is repeatable', async (_name, code) => {
    for (let index = 0; index < limits.connectorMaxTries; index += 1)
      peer.strike('AppendRows', { code, message: 'later' });
    await expect(engine.upload('t', await few(), {})).rejects.toMatchObject({
      ...{ code: 'WAREHOUSE_UNAVAILABLE', retryable: true },
    });
    expect(peer.rows('t')).toEqual([]);
    expect(await engine.upload('t', await few(), {})).toBe(3);
  });

  test('within the stream says what does not fit, and what does without it', async () => {
    peer.strike('AppendRows', {
      embedded: status.INVALID_ARGUMENT,
      message: 'Input schema has more fields than BigQuery schema',
    });
    await expect(engine.upload('t', await few(), { table: 'orders' })).rejects.toMatchObject({
      code: 'WAREHOUSE_STATEMENT',
      message: expect.stringMatching(/"orders": Input schema has more fields .*"loadBy": "load-job"/),
    });
  });
});

test('closing ends what waits for an answer, and nothing is left behind', async () => {
  peer.strike('AppendRows', 'hang');
  const loading = engine.upload('t', await few(), {});
  const refused = expect(loading).rejects.toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' });
  await waitUntil('rows are on their way', () => peer.asked.includes('AppendRows'));
  await engine.close();
  await refused;
  expect(peer.rows('t')).toEqual([]);
});

test('a load job takes what is larger, and everything where the connection says so', async () => {
  const rows = await few();
  const isJob = { code: 'WAREHOUSE_UNAVAILABLE' };
  await expect(engineOf({ loadBy: 'load-job' }).upload('t', rows, {})).rejects.toMatchObject(isJob);
  const many = { ...rows, rows: limits.bigQueryWriteMaxRows + 1 };
  await expect(engine.upload('t', many, {})).rejects.toMatchObject(isJob);
  const large = await staged(
    plain,
    `SELECT 1 AS id, repeat('x', ${String(limits.bigQueryWriteMaxBytes)}) AS value`,
  );
  await expect(engine.upload('t', large, {})).rejects.toMatchObject(isJob);
  const elsewhere = new BigQueryEngine(
    bigQuerySettings({ project: 'p', dataset: 'd', apiEndpoint: nowhere }),
  );
  await expect(elsewhere.upload('t', rows, {})).rejects.toMatchObject(isJob);
  expect(peer.asked).toEqual([]);
});

test('settings that are wrong are told', () => {
  expect(() =>
    bigQuerySettings({ project: 'p', dataset: 'd', loadBy: 'magic', writeApiEndpoint: 'http://example.com' }),
  ).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/"writeApiEndpoint" must be .*"loadBy" must be/s),
    }),
  );
});
