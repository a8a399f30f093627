import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { join } from 'node:path';
import { BigQueryEngine } from '../../connectors/bigquery/engine.js';
import { bigQuerySettings } from '../../connectors/bigquery/settings.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import { writeRows, type StagedRows } from '../../connectors/load/stage-batch.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import { limits } from '../../core/limits.js';
import { temporaryFolder } from '../helpers/folder.js';
import { waitUntil } from '../helpers/project.js';
import { column } from '../helpers/warehouse.js';
import { startLoadJobPeer, type LoadJobPeer } from '../peers/load-job-peer.js';
import { startWriteApiPeer, type WriteApiPeer } from '../peers/write-api-peer.js';

const folder = temporaryFolder();
const plain = [column('id', 'int64'), column('value', 'string')];
let files = 0;
let sql: StagedSql;
let peer: WriteApiPeer;
let engine: BigQueryEngine;

/** Nothing answers at this address: a load job fails there. */
const nowhere = 'http://127.0.0.1:1';

function engineOf(
  options: Readonly<Record<string, string>> = {},
  warn?: (text: string) => void,
): BigQueryEngine {
  return new BigQueryEngine(
    bigQuerySettings({
      ...{ project: 'p', dataset: 'd', apiEndpoint: nowhere, writeApiEndpoint: peer.url },
      ...options,
    }),
    warn,
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

  test.each([
    ['the first rows', 'AppendRows', 0],
    ['rows in the middle', 'AppendRows', 2],
    ['the last rows', 'AppendRows', 4],
    ['the commit', 'BatchCommitWriteStreams', 0],
  ] as const)('cut before %s: asked for again, and each row is there once', async (_which, method, after) => {
    peer.strike(method, { code: status.UNAVAILABLE, message: 'connection lost' }, after);
    expect(await engine.upload('t', await several(), {})).toBe(5);
    expect(idsOf('t')).toEqual(['0', '1', '2', '3', '4']);
  });

  test('rows whose answer is lost twice are sent under the same offset, and are there once', async () => {
    peer.strike('AppendRows', 'lose answer', 1);
    peer.strike('AppendRows', 'lose answer');
    expect(await engine.upload('t', await several(), {})).toBe(5);
    expect(idsOf('t')).toEqual(['0', '1', '2', '3', '4']);
    expect(peer.arrived()).toBe(5);
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
    ['UNAUTHENTICATED', status.UNAUTHENTICATED, { code: 'WAREHOUSE_AUTH', retryable: false }],
    ['DEADLINE_EXCEEDED', status.DEADLINE_EXCEEDED, { code: 'WAREHOUSE_UNAVAILABLE', retryable: true }],
    ['INVALID_ARGUMENT', status.INVALID_ARGUMENT, { code: 'WAREHOUSE_STATEMENT', retryable: false }],
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

describe('a service that takes no rows in this way', () => {
  let jobs: LoadJobPeer;
  const warnings: string[] = [];
  beforeEach(async () => {
    jobs = await startLoadJobPeer();
    warnings.length = 0;
    engine = engineOf({ apiEndpoint: jobs.url }, (text) => warnings.push(text));
  });
  afterEach(() => jobs.close());
  const denied = { code: status.PERMISSION_DENIED, message: 'Permission denied on table' };

  test.each([
    [
      'CreateWriteStream',
      'PERMISSION_DENIED',
      /grant bigquery\.tables\.updateData .* enable bigquerystorage/,
    ],
    ['CreateWriteStream', 'UNIMPLEMENTED', /the address does not offer it/],
    ['AppendRows', 'PERMISSION_DENIED', /grant bigquery\.tables\.updateData/],
    ['AppendRows', 'RESOURCE_EXHAUSTED', /quotas of the Storage Write API/],
    ['AppendRows', 'NOT_FOUND', /did not know it in time/],
    ['FinalizeWriteStream', 'RESOURCE_EXHAUSTED', /"loadBy": "load-job" in the connection does without it/],
  ] as const)(
    '%s answered by %s: a load job takes the batch, and a warning tells',
    async (method, code, told) => {
      peer.strike(method, { code: status[code], message: 'why not' });
      expect(await engine.upload('t', await several(), { table: 'orders' })).toBe(5);
      expect(
        jobs.loaded.map((lines) => lines.map((line) => (JSON.parse(line) as { id: string }).id)),
      ).toEqual([['0', '1', '2', '3', '4']]);
      expect(peer.rows('t')).toEqual([]);
      expect(warnings).toEqual([expect.stringMatching(told)]);
      expect(warnings).toEqual([expect.stringMatching(`table "orders".*${code}: why not`)]);
    },
  );

  test('a table that stays unknown: a load job takes the batch', async () => {
    for (let index = 0; index < limits.connectorMaxTries; index += 1)
      peer.strike('CreateWriteStream', { code: status.NOT_FOUND, message: 'not found' });
    expect(await engine.upload('t', await few(), {})).toBe(3);
    expect(jobs.loaded).toHaveLength(1);
  });

  test('is told of once, and again where it took rows in between', async () => {
    peer.strike('AppendRows', { embedded: status.PERMISSION_DENIED, message: denied.message });
    expect(await engine.upload('t', await few(), {})).toBe(3);
    peer.strike('CreateWriteStream', denied);
    expect(await engine.upload('t', await few(), {})).toBe(3);
    expect([jobs.loaded.length, warnings.length]).toEqual([2, 1]);
    expect(await engine.upload('t', await few(), {})).toBe(3);
    expect([jobs.loaded.length, idsOf('t').length]).toEqual([2, 3]);
    peer.strike('CreateWriteStream', denied);
    expect(await engine.upload('t', await few(), {})).toBe(3);
    expect([jobs.loaded.length, warnings.length]).toEqual([3, 2]);
  });

  test('once a commit was asked for, no load job comes beside it', async () => {
    peer.strike('BatchCommitWriteStreams', denied);
    await expect(engine.upload('t', await few(), {})).rejects.toMatchObject({ code: 'WAREHOUSE_AUTH' });
    expect(jobs.loaded).toEqual([]);
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
