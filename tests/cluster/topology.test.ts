import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { startPostgres, type PostgresServer } from '../helpers/postgres-server.js';
import { TestProject, waitUntil, type RunningProcess } from '../helpers/project.js';
import { notes, type TriggeredRun } from '../helpers/runs.js';
import {
  findFakesnow,
  findMoto,
  startFakesnow,
  startMoto,
  type BucketPeer,
  type Peer,
} from '../peers/peers.js';
import { newKey, s3 } from '../staging/buckets.js';
import { readExample, resolveCompose, type ComposeFile, type Mount } from './compose-file.js';
import { runSetup } from './postgres-setup.js';

const dags = `
import { appendFileSync, existsSync } from 'node:fs';
import { defineDag, inbox } from 'millrace';
const retry = { retries: 100, retryDelay: '200ms', maxRetryDelay: '1s' };
export const rows = defineDag({ id: 'rows', schedule: 'manual', tasks: ({ extract, validate, task, load }) => {
  const raw = extract('pull', { ...retry, from: async function* () {
    appendFileSync('notes.txt', 'pulled by ' + process.pid + '\\n');
    for (let n = 0; n < 3; n += 1) yield { id: 'row-' + n, value: n, at: '2026-01-01T00:00:00Z' };
  } });
  const clean = validate('check', raw, { ...retry, schema: 'row.v1' });
  const held = task('hold', { ...retry, after: [clean], run: async ({ signal }) => {
    appendFileSync('notes.txt', 'held by ' + process.pid + '\\n');
    while (!existsSync('gate')) { signal.throwIfAborted(); await new Promise((resolve) => setTimeout(resolve, 50)); }
  } });
  load('store', clean, { ...retry, after: [held], into: 'numbers', key: ['id'], version: ['at'], disposition: 'merge' });
} });
export const events = defineDag({ id: 'events', schedule: 'manual', tasks: ({ extract, validate, transform, load }) => {
  const raw = extract('pull', { ...retry, from: inbox.stream('segment') });
  const clean = validate('check', raw, { ...retry, schema: 'event.v1' });
  const shaped = transform('shape', clean, { ...retry, rename: { messageId: 'message_id', receivedAt: 'received_at' } });
  load('store', shaped, { ...retry, into: 'events', key: ['message_id'], version: ['received_at'] });
} });
`;
const object = (id: string, properties: object) =>
  JSON.stringify({ $id: id, type: 'object', required: Object.keys(properties), properties });
const text = { type: 'string' };
const time = { type: 'string', format: 'date-time' };

/** What somebody writes into .env, on top of the example. */
const values = {
  ...readExample().set,
  MILLRACE_WAREHOUSE: 'snowflake',
  ...{ POSTGRES_PASSWORD: 'pg', TEMPORAL_DB_PASSWORD: 'tp', MILLRACE_DB_PASSWORD: 'mp' },
  MILLRACE_SECURITY_KEYS: newKey('k1'),
  STAGING_SECRET_ACCESS_KEY: 'staging-secret',
};
/** What millrace.env gives besides. */
const secrets = { SNOWFLAKE_PASSWORD: 'not-a-secret', MILLRACE_GATEWAY_WRITE_KEYS: 'write-key' };

const pythons = [await findMoto(), await findFakesnow()] as const;
let compose: ComposeFile;
let postgres: PostgresServer;
let bucket: BucketPeer;
let warehouse: Peer;
let project: TestProject;

/** What the image declares as a volume. */
const dataFolder: Mount = { type: 'volume', target: '/var/lib/millrace' };

/** A container's folders: volumes with a name are shared, the others are its own. */
function foldersOf(service: string, container: string): (path: string) => string {
  const mounts = [dataFolder, ...(compose.services[service]?.volumes ?? [])].filter(
    (mount): mount is Mount => typeof mount !== 'string',
  );
  const own = join(project.folder, 'containers', container);
  const isBelow = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
  for (const { source, target } of mounts.filter(({ type }) => type === 'volume')) {
    const place = join(own, target);
    mkdirSync(dirname(place), { recursive: true });
    if (source === undefined) mkdirSync(place, { recursive: true });
    else {
      mkdirSync(join(project.folder, 'volumes', source), { recursive: true });
      symlinkSync(join(project.folder, 'volumes', source), place, 'dir');
    }
  }
  return (path) => (mounts.some(({ target }) => isBelow(path, target)) ? join(own, path) : path);
}

/** The environment that the file gives to a container, with other host names and folders. */
function environmentOf(service: string, container: string): Record<string, string> {
  const { host } = new URL(bucket.url);
  const at = foldersOf(service, container);
  const elsewhere = (value: string): string =>
    at(value)
      .replace(/^temporal:7233$/, `127.0.0.1:${String(project.temporalPort)}`)
      .replace('@postgres:5432/', `@127.0.0.1:${String(postgres.port)}/`)
      .replace('//staging:7070', `//${host}`)
      .replace(/^8088$/, '0');
  const given = Object.entries(compose.services[service]?.environment ?? {});
  return {
    ...secrets,
    ...Object.fromEntries(given.map(([name, value]) => [name, elsewhere(String(value))])),
  };
}

function start(service: string, container: string): RunningProcess {
  return project.spawnProduct(
    [...(compose.services[service]?.command ?? [])],
    environmentOf(service, container),
  );
}

/** A command in a container that is there for it, as by `docker compose run`. */
let tools = 0;
async function runTool<Result>(...args: string[]): Promise<Result> {
  tools += 1;
  const running = project.spawnProduct([...args, '--json'], {
    ...environmentOf('worker', `tool-${String(tools)}`),
    NODE_NO_WARNINGS: '1',
  });
  await running.ended;
  if (running.child.exitCode !== 0) throw new Error(`millrace ${args.join(' ')}: ${running.stderr()}`);
  return JSON.parse(running.stdout()) as Result;
}

(pythons.includes(undefined) ? describe.skip : describe)(
  'the cluster of docker-compose.yml, without containers',
  () => {
    beforeAll(async () => {
      [postgres, bucket, warehouse] = await Promise.all([
        startPostgres(),
        startMoto(pythons[0] ?? ''),
        startFakesnow(pythons[1] ?? ''),
      ]);
      compose = resolveCompose(values);
      Object.assign(process.env, secrets);
      const snowflake = {
        connector: 'snowflake',
        account: 'test',
        user: 'loader',
        database: 'test',
        schema: 'cluster',
      };
      project = await TestProject.create(
        { 'cluster.ts': dags },
        {
          connections: {
            snowflake: { ...snowflake, password: { env: 'SNOWFLAKE_PASSWORD' }, accessUrl: warehouse.url },
          },
        },
      );
      project.write(
        'schemas/row.v1.schema.json',
        object('row.v1', { id: text, value: { type: 'integer' }, at: time }),
      );
      project.write(
        'schemas/event.v1.schema.json',
        object('event.v1', { messageId: text, event: text, receivedAt: time }),
      );
      await s3.makeBucket(bucket.url, 'staging');
      const setup = compose.configs['postgres-setup']?.content ?? '';
      const setupVariables = compose.services['postgres-setup']?.environment ?? {};
      // Twice: each start of the cluster runs it.
      for (let round = 0; round < 2; round += 1)
        await runSetup(await postgres.client(), setup, setupVariables);
      await project.startTemporal([
        '--namespace',
        String(compose.services['temporal-setup']?.environment['TEMPORAL_NAMESPACE']),
      ]);
    }, 240_000);
    afterAll(async () => {
      for (const name of Object.keys(secrets)) Reflect.deleteProperty(process.env, name);
      await project.close();
      await Promise.all([postgres.stop(), bucket.stop(), warehouse.stop()]);
    });

    test('a second worker goes on where a stopped one was, from the bucket, and every row is loaded once', async () => {
      const first = start('worker', 'worker-1');
      const deployed = start('deploy', 'deploy');
      await deployed.ended;
      expect([deployed.child.exitCode, deployed.stderr()]).toEqual([0, expect.stringContaining('rows')]);

      const { workflowId } = await runTool<{ workflowId: string }>('dag', 'trigger', 'rows');
      await waitUntil(
        'the first worker holds',
        () => notes(project, 'held by').length > 0 || first.child.exitCode !== null,
        240_000,
      );
      const second = start('worker', 'worker-2');
      await first.end('SIGTERM');
      await waitUntil(
        'the second worker holds',
        () => notes(project, `held by ${String(second.child.pid)}`).length > 0,
        240_000,
      );
      writeFileSync(join(project.folder, 'gate'), '');
      let shown: { run: { state: string } } | undefined;
      await waitUntil(
        'the run ends',
        async () => {
          shown = await runTool<{ run: { state: string } }>('run', 'show', workflowId);
          return shown.run.state !== 'running';
        },
        240_000,
      );
      expect(shown?.run.state).toBe('success');
      expect(notes(project, 'pulled by')).toEqual([`pulled by ${String(first.child.pid)}`]);
      const { rows } = await runTool<{ rows: object[] }>(
        'query',
        'SELECT id, value FROM numbers ORDER BY id',
      );
      expect(rows).toHaveLength(3);
    }, 400_000);

    test('a worker that cannot use its bucket says why and ends, so that it is started again', async () => {
      const worker = project.spawnProduct(['worker'], {
        ...environmentOf('worker', 'worker-3'),
        MILLRACE_STAGING_URL: 's3://nowhere/millrace',
      });
      await worker.ended;
      expect([worker.child.exitCode, worker.stderr()]).toEqual([
        78,
        expect.stringMatching(/\[STAGING_\w+\]/),
      ]);
    }, 400_000);

    test('the gateway is healthy by its own check, and workers read what it took', async () => {
      const gateway = start('gateway', 'gateway');
      await waitUntil('the gateway listens', () => gateway.stderr().includes('gateway listens'), 240_000);
      const port = /gateway listens on http:\/\/0\.0\.0\.0:(\d+)/.exec(gateway.stderr())?.[1] ?? '';
      const [, , ...check] = compose.services['gateway']?.healthcheck?.test ?? [];
      const checked = spawnSync(
        process.execPath,
        check.map((part) => part.replace(':8088', `:${port}`)),
      );
      expect([check[0], checked.status]).toEqual(['--eval', 0]);

      const answer = await fetch(`http://127.0.0.1:${port}/v1/track`, {
        method: 'POST',
        headers: {
          authorization: `Basic ${Buffer.from('write-key:').toString('base64')}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ messageId: 'm-1', event: 'Order Completed', anonymousId: 'a', type: 'track' }),
      });
      expect(answer.status).toBe(200);
      // A segment is sealed after a moment; a run that comes too early finds nothing.
      await waitUntil(
        'the event is loaded',
        async () => {
          const run = await runTool<TriggeredRun>('dag', 'trigger', 'events', '--wait');
          expect(run.result.state).toBe('success');
          return run.result.counts.loaded === 1;
        },
        240_000,
      );
      await gateway.end();
    }, 400_000);
  },
);
