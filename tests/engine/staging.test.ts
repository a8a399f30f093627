import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepStaging } from '../../activities/upkeep/staging-upkeep.js';
import { neededStaging } from '../../connectors/duckdb/index.js';
import { createStaging } from '../../connectors/staging/index.js';
import type { StagingStore } from '../../connectors/staging.js';
import { openOpsStore } from '../../ops/store.js';
import { createKeyring } from '../../security/keyring.js';
import { TestProject, waitUntil } from '../helpers/project.js';
import { notes } from '../helpers/runs.js';
import { findMoto, startMoto, type BucketPeer } from '../peers/peers.js';
import { newKey, s3, s3At } from '../staging/buckets.js';
import { entriesOf } from '../staging/suite.js';

const dags = `
import { appendFileSync, existsSync } from 'node:fs';
import { defineDag } from 'millrace';
const retry = { retries: 100, retryDelay: '200ms', maxRetryDelay: '1s' };
export const orders = defineDag({ id: 'orders', schedule: 'manual', tasks: ({ extract, validate, load }) => {
  const raw = extract('pull', { ...retry, from: async function* () {
    appendFileSync('notes.txt', 'pulled by ' + process.pid + '\\n');
    for (let n = 0; n < 20_000; n += 1)
      yield { id: 'row-' + n, value: n, at: '2026-01-01T00:00:00Z', text: 'x'.repeat(100) + n };
  } });
  load('store', validate('check', raw, { ...retry, schema: 'order_row.v1' }), { ...retry, into: 'orders', key: ['id'], version: ['at'] });
} });
export const open = defineDag({ id: 'open', schedule: 'manual', tasks: ({ task }) => {
  task('wait', { run: async ({ signal }) => {
    appendFileSync('notes.txt', 'waiting\\n');
    while (!existsSync('gate') && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 50));
  } });
} });
`;
const schema = {
  $id: 'order_row.v1',
  type: 'object',
  required: ['id', 'value', 'at'],
  properties: {
    id: { type: 'string' },
    value: { type: 'integer' },
    at: { type: 'string', format: 'date-time' },
    text: { type: 'string' },
  },
};

const python = await findMoto();
const key = newKey('k1');
let peer: BucketPeer;
let project: TestProject;
let staging: StagingStore;

(python === undefined ? describe.skip : describe)(
  'machines that share a bucket of S3, played by moto',
  () => {
    beforeAll(async () => {
      peer = await startMoto(python ?? '');
      await s3.makeBucket(peer.url, 'shared');
      project = await TestProject.create(
        { 'staging.ts': dags },
        {
          staging: { url: 's3://shared/tests', retention: '1d', s3: s3At(peer.url) },
          security: { keys: [key] },
          warehouse: { path: 'warehouse.duckdb' },
        },
      );
      project.write('schemas/order_row.v1.schema.json', JSON.stringify(schema));
      staging = await createStaging({
        url: 's3://shared/tests',
        cacheDirectory: join(project.folder, 'looker'),
        keyring: createKeyring([key]),
        s3: s3At(peer.url),
      });
      await project.startTemporal();
      await project.json('deploy');
    }, 240_000);
    afterAll(async () => {
      await project.close();
      await peer.stop();
    });

    /** A worker on a machine of its own, as far as folders go. */
    const startMachine = (name: string, faultPoint?: string) =>
      project.startWorker(faultPoint, { MILLRACE_DATA_DIRECTORY: name });

    test('one is killed while it uploads, one after it extracted, a third loads: every row once', async () => {
      const first = await startMachine('one', 'in-upload');
      const { workflowId } = await project.json<{ workflowId: string }>('dag', 'trigger', 'orders');
      await first.ended;
      expect(await entriesOf(staging)).toEqual([]);

      const second = await startMachine('two', 'after-upload@2');
      await second.ended;
      const pulled = notes(project, 'pulled by');
      expect(pulled.at(-1)).toBe(`pulled by ${String(second.child.pid)}`);
      expect((await entriesOf(staging)).map(({ name }) => /\.enc$/.test(name))).toEqual([true, true]);

      await startMachine('three');
      expect(await project.resultOf(workflowId)).toMatchObject({ state: 'success' });
      expect(notes(project, 'pulled by')).toEqual(pulled);
      expect(
        await project.rows(
          'SELECT count(*) AS rows, count(DISTINCT id) AS ids, sum(value) AS total FROM orders',
        ),
      ).toEqual([{ rows: '20000', ids: '20000', total: '199990000' }]);
      expect(existsSync(join(project.folder, 'three', 'staging'))).toBe(false);
      expect(readdirSync(join(project.folder, 'three', 'staging-cache')).length).toBeGreaterThan(1);
    }, 240_000);

    test('the retention spares what an open run may read, and what the DuckDB file would be made again from', async () => {
      const connection = await Connection.connect({ address: `127.0.0.1:${String(project.temporalPort)}` });
      const store = await openOpsStore({ path: join(project.folder, 'looker.db') });
      const needed = () =>
        neededStaging({
          settings: { type: 'duckdb', path: join(project.folder, 'warehouse.duckdb') },
          connection: {},
        });
      // A retention that lies ahead makes every file old.
      const round = (isDryRun = false) =>
        keepStaging({
          client: new Client({ connection }),
          store,
          staging,
          needed,
          retentionMs: -60 * 60_000,
          isDryRun,
        });
      try {
        const { workflowId } = await project.json<{ workflowId: string }>('dag', 'trigger', 'open');
        await waitUntil('the run is open', () => notes(project, 'waiting').length > 0);
        await waitUntil(
          'the list shows it',
          async () => Date.parse((await round(true))?.before ?? '') < Date.now(),
        );
        const file = await staging.write([Buffer.from('{"n":1}\n')], 1);
        const during = await round();
        expect(during).toMatchObject({ removedFiles: 0 });
        expect((await entriesOf(staging)).map(({ sha256 }) => sha256)).toContain(file.sha256);

        writeFileSync(join(project.folder, 'gate'), '');
        await project.resultOf(workflowId);
        await waitUntil(
          'the list shows its end',
          async () => Date.parse((await round())?.before ?? '') > Date.now(),
        );
        const kept = await entriesOf(staging);
        expect(kept.length).toBeGreaterThan(0);
        expect(new Set(kept.map(({ sha256 }) => sha256))).toEqual(await needed());
      } finally {
        await store.close();
        await connection.close();
      }
      const report = await project.json<object>('staging', 'prune', '--dry-run');
      expect(report).toMatchObject({
        files: (await entriesOf(staging)).length,
        removedFiles: 0,
        isDryRun: true,
      });
    }, 240_000);
  },
);
