import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DuckDBInstance } from '@duckdb/node-api';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../helpers/folder.js';
import { TestProject } from '../helpers/project.js';
import { findFakeGcs, findMoto } from '../peers/peers.js';
import { gcsPlace, s3Place, sftpPlace, type FilePlaceUnderTest } from '../sources/file-places.js';

const folder = temporaryFolder();
const [moto, fakeGcs] = [await findMoto(), await findFakeGcs()];
const stores: Readonly<Record<string, (() => Promise<FilePlaceUnderTest>) | undefined>> = {
  s3: moto === undefined ? undefined : () => s3Place(moto),
  gcs: fakeGcs === undefined ? undefined : () => gcsPlace(fakeGcs),
};
const present = Object.keys(stores).filter((name) => stores[name] !== undefined);

const dagOf = (name: string, path: string) => `
export const ${name} = defineDag({ id: '${name}', schedule: 'manual', tasks: ({ extract, validate, load }) => {
  const raw = extract('pull', { ...retry, read: 'cursor',
    from: file.records({ connection: '${name}', path: '${path}', format: 'ndjson' }) });
  load('store', validate('check', raw, { ...retry, schema: 'event.v1' }), { ...retry, into: '${name}_events', disposition: 'append' });
} });
`;
/** Rows of Parquet that would not survive a double, with the types of a table that holds them exactly. */
const exactDag = `
export const exact = defineDag({ id: 'exact', schedule: 'manual', tasks: ({ extract, validate, load }) => {
  const raw = extract('pull', { ...retry, read: 'cursor', from: file.records({ connection: 'sftp', path: 'exact/*.parquet' }) });
  load('store', validate('check', raw, { ...retry, schema: 'exact.v1', quarantineOver: 0 }), { ...retry, into: 'exact_rows', key: ['id'] });
} });
`;
const exactSelect = `SELECT 9007199254740993 + range AS id, '12345678901234567890123456789.123456789'::DECIMAL(38,9) + range AS amount,
  TIMESTAMPTZ '2026-01-01 00:00:00.000001+00' AS seen_at, '\\x00\\xFF'::BLOB AS raw, {'n': [9007199254740993, NULL]} AS nested FROM range(2500)`;
const exactSchema = {
  $id: 'exact.v1',
  type: 'object',
  required: ['id', 'amount', 'seen_at'],
  properties: {
    id: { type: 'integer' },
    amount: { type: 'string', 'x-type': 'decimal(38,9)' },
    seen_at: { type: 'string', format: 'date-time' },
    raw: { type: 'string', contentEncoding: 'base64' },
    nested: { type: 'object' },
  },
};

const schema = {
  $id: 'event.v1',
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'integer' }, text: { type: 'string' } },
};

/** Numbered events; what is appended twice shows. */
function events(from: number, count: number): string {
  return Array.from(
    { length: count },
    (_, index) => `{"id":${String(from + index)},"text":"${'x'.repeat(100)}"}\n`,
  ).join('');
}

describe('files of S3, Google Cloud Storage and an SFTP server, from fixture to table', () => {
  let project: TestProject;
  let sftp: Awaited<ReturnType<typeof sftpPlace>>;
  const places = new Map<string, FilePlaceUnderTest>();
  beforeAll(async () => {
    sftp = await sftpPlace(folder);
    for (const name of present) {
      const open = stores[name];
      if (open !== undefined) places.set(name, await open());
    }
    places.set('sftp', sftp);
    const names = [...places.keys()];
    project = await TestProject.create(
      {
        'files.ts': [
          `import { defineDag, file } from 'millrace';`,
          `const retry = { retries: 100, retryDelay: '200ms', maxRetryDelay: '1s' };`,
          ...names.map((name) => dagOf(name, 'in/**/*.ndjson')),
          exactDag,
        ].join('\n'),
      },
      {
        connections: Object.fromEntries(
          [...places].map(([name, { connection, url }]) => [name, { connector: 'file', url, ...connection }]),
        ),
      },
    );
    project.write('schemas/event.v1.schema.json', JSON.stringify(schema));
    project.write('schemas/exact.v1.schema.json', JSON.stringify(exactSchema));
    await project.startTemporal();
    await project.json('deploy');
  }, 240_000);
  afterAll(async () => {
    await project.close();
    for (const place of places.values()) await place.stop();
  });

  const trigger = async (name: string) =>
    (await project.json<{ workflowId: string }>('dag', 'trigger', name)).workflowId;
  const counted = (name: string) =>
    project.rows(`SELECT count(*) AS rows, count(DISTINCT id) AS ids, max(id) AS last FROM ${name}_events`);

  test('a worker killed in the midst of a file loses nothing and doubles nothing', async () => {
    await sftp.put('in/a.ndjson', events(0, 10_000));
    await sftp.put('in/day/b.ndjson', events(10_000, 10_000));
    const first = await project.startWorker();
    sftp.server.onRead((path, offset) => {
      if (!path.endsWith('b.ndjson') || offset < 500_000) return;
      sftp.server.onRead(undefined);
      first.child.kill('SIGKILL');
    });
    const killed = await trigger('sftp');
    await first.ended;
    await project.startWorker();
    expect(await project.resultOf(killed)).toMatchObject({ state: 'success' });
    expect(await counted('sftp')).toEqual([{ rows: '20000', ids: '20000', last: '19999' }]);
  }, 240_000);

  test('a later run reads the files that are new, and no other', async () => {
    for (const name of present) {
      await places.get(name)?.put('in/day/a.ndjson', events(0, 20_000));
      expect(await project.resultOf(await trigger(name))).toMatchObject({ state: 'success' });
    }
    for (const place of places.values()) await place.put('in/day/c.ndjson', events(20_000, 5));
    const runs = await Promise.all([...places.keys()].map(trigger));
    for (const run of runs) expect(await project.resultOf(run)).toMatchObject({ state: 'success' });
    for (const name of places.keys())
      expect([name, ...(await counted(name))]).toEqual([
        name,
        { rows: '20005', ids: '20005', last: '20004' },
      ]);
  }, 240_000);

  test('Parquet of an SFTP server is in the table to the last digit', async () => {
    const path = join(folder, 'exact.parquet');
    const duckdb = await DuckDBInstance.create(':memory:');
    const connection = await duckdb.connect();
    await connection.run(`COPY (${exactSelect}) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
    connection.closeSync();
    duckdb.closeSync();
    await sftp.put('exact/rows.parquet', readFileSync(path));
    expect(await project.resultOf(await trigger('exact'))).toMatchObject({ state: 'success' });
    expect(
      await project.rows(
        `SELECT count(*) AS rows, CAST(max(id) AS VARCHAR) AS id, CAST(max(amount) AS VARCHAR) AS amount,
           CAST(max(seen_at) AS VARCHAR) AS seen_at, hex(max(raw)) AS raw, max(nested) AS nested FROM exact_rows`,
      ),
    ).toEqual([
      {
        rows: '2500',
        id: '9007199254743492',
        amount: '12345678901234567890123459288.123456789',
        seen_at: '2026-01-01 00:00:00.000001',
        raw: '00FF',
        nested: '{"n":[9007199254740993,null]}',
      },
    ]);
  }, 240_000);
});
