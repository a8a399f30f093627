import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../helpers/folder.js';
import { waitUntil } from '../helpers/project.js';
import type { TriggeredRun } from '../helpers/runs.js';
import { findFakesnow, startFakesnow, type Peer } from '../peers/peers.js';
import { newKey } from '../staging/buckets.js';
import { readExample } from './compose-file.js';
import {
  ContainerCluster,
  docker,
  dockerOutput,
  hasEngine,
  hostAddress,
  portOf,
  relay,
} from './containers.js';

const warehousePortInside = 7999;
/** The driver of the warehouse speaks HTTP with its own machine only: what it says there goes on to that of the test. */
const dags = (notesUrl: string, warehousePort: number) => `
import { connect, createServer } from 'node:net';
import { hostname } from 'node:os';
import { defineDag, inbox } from 'millrace';
const retry = { retries: 100, retryDelay: '200ms', maxRetryDelay: '1s' };
const relay = createServer((inside) => {
  const outside = connect(${String(warehousePort)}, 'host.test');
  inside.pipe(outside).pipe(inside);
  inside.on('error', () => outside.destroy());
  outside.on('error', () => inside.destroy());
});
relay.on('error', () => undefined).listen(${String(warehousePortInside)}, '127.0.0.1').unref();
const ask = async (path) => (await (await fetch('${notesUrl}' + path)).text());
export const rows = defineDag({ id: 'rows', schedule: 'manual', tasks: ({ extract, validate, task, load }) => {
  const raw = extract('pull', { ...retry, from: async function* () {
    for (let n = 0; n < 3; n += 1) yield { id: 'row-' + n, value: n, at: '2026-01-01T00:00:00Z' };
  } });
  const clean = validate('check', raw, { ...retry, schema: 'row.v1' });
  const held = task('hold', { ...retry, after: [clean], run: async ({ signal }) => {
    await ask('/held/' + hostname());
    while ((await ask('/gate')) !== 'open') { signal.throwIfAborted(); await new Promise((resolve) => setTimeout(resolve, 200)); }
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
const patienceMs = 600_000;

const python = (await hasEngine((line) => process.stderr.write(`${line}\n`)))
  ? await findFakesnow()
  : undefined;
const name = `millrace-test-${randomBytes(4).toString('hex')}`;
let cluster: ContainerCluster;
let warehouse: Peer;
let warehouseRelay: Server;
let notesServer: HttpServer;
/** Names of the containers in which a task waits, in the order of their coming. */
const held: string[] = [];
let gate = 'shut';

/** What the file of the services needs to know besides, of this machine and this trial. */
function override(folder: string): string {
  const ofMillrace = {
    image: name,
    env_file: [join(folder, 'millrace.env')],
    extra_hosts: ['host.test:host-gateway'],
  };
  return JSON.stringify({
    services: {
      worker: ofMillrace,
      deploy: ofMillrace,
      gateway: { ...ofMillrace, container_name: `${name}-gateway` },
    },
  });
}

(python === undefined ? describe.skip : describe)('the containers of docker-compose.yml', () => {
  // Before the folder goes, which holds what Compose is told.
  afterAll(async () => {
    await cluster.down();
    await docker('image', 'rm', name);
    warehouseRelay.close();
    notesServer.closeAllConnections();
    notesServer.close();
    await warehouse.stop();
  }, patienceMs);

  const folder = temporaryFolder();
  const write = (path: string, content: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };

  beforeAll(async () => {
    const address = await hostAddress();
    warehouse = await startFakesnow(python ?? '');
    warehouseRelay = await relay(address, warehouse.url);
    notesServer = createServer((request, response) => {
      const container = /^\/held\/(.+)$/.exec(request.url ?? '')?.[1];
      if (container !== undefined) held.push(container);
      response.end(gate);
    });
    notesServer.listen(0, address);
    await once(notesServer, 'listening');

    // Containers read the project as another user than the one who wrote it.
    chmodSync(folder, 0o755);
    const account = { account: 'test', user: 'loader', database: 'test', schema: 'cluster' };
    const accessUrl = `http://127.0.0.1:${String(warehousePortInside)}`;
    write(
      'project/millrace.json',
      JSON.stringify({
        connections: {
          snowflake: {
            ...{ connector: 'snowflake', ...account, accessUrl },
            password: { env: 'SNOWFLAKE_PASSWORD' },
          },
        },
      }),
    );
    write('project/package.json', JSON.stringify({ type: 'module', private: true }));
    write(
      'project/dags/cluster.ts',
      dags(`http://host.test:${String(portOf(notesServer))}`, portOf(warehouseRelay)),
    );
    write(
      'project/schemas/row.v1.schema.json',
      object('row.v1', { id: text, value: { type: 'integer' }, at: time }),
    );
    write(
      'project/schemas/event.v1.schema.json',
      object('event.v1', { messageId: text, event: text, receivedAt: time }),
    );
    write('millrace.env', 'SNOWFLAKE_PASSWORD=not-a-secret\nMILLRACE_GATEWAY_WRITE_KEYS=write-key\n');
    const values = {
      ...readExample().set,
      ...{ PROJECT_FOLDER: join(folder, 'project'), MILLRACE_WAREHOUSE: 'snowflake' },
      ...{ POSTGRES_PASSWORD: 'pg', TEMPORAL_DB_PASSWORD: 'tp', MILLRACE_DB_PASSWORD: 'mp' },
      ...{ MILLRACE_SECURITY_KEYS: newKey('k1'), STAGING_SECRET_ACCESS_KEY: 'staging-secret' },
      ...{ GATEWAY_ADDRESS: '127.0.0.1:0', TEMPORAL_UI_ADDRESS: '127.0.0.1:0' },
    };
    const lines = Object.entries(values).map(([key, value]) => `${key}=${value}`);
    write('.env', lines.join('\n'));
    write('override.json', override(folder));
    cluster = new ContainerCluster(name, {
      envFile: join(folder, '.env'),
      override: join(folder, 'override.json'),
    });
    await cluster.compose('build');
    await cluster.compose('up', '--detach');
  }, 3 * patienceMs);

  test(
    'all services start as the file says, by somebody else than root, and the doctor is content',
    async () => {
      await waitUntil(
        'deploy has ended and the gateway is ready',
        async () => {
          const [[deploy], [gateway]] = [
            await cluster.containers('deploy'),
            await cluster.containers('gateway'),
          ];
          return deploy?.State === 'exited' && gateway?.Health === 'healthy';
        },
        patienceMs,
      );
      const containers = await cluster.containers();
      const ended = containers.filter(({ State }) => State === 'exited');
      expect(ended.map(({ Service, ExitCode }) => [Service, ExitCode]).sort()).toEqual([
        ...[
          ['deploy', 0],
          ['postgres-setup', 0],
          ['temporal-schema', 0],
          ['temporal-setup', 0],
        ],
      ]);
      const running = containers.filter(({ State }) => State === 'running');
      expect(running.map(({ Service }) => Service).sort()).toEqual([
        ...['gateway', 'postgres', 'staging', 'temporal', 'temporal-ui', 'worker', 'worker'],
      ]);
      expect(await cluster.compose('exec', '--no-TTY', 'worker', 'id', '--user', '--name')).toBe('node');
      await cluster.compose('exec', '--no-TTY', 'worker', 'millrace', 'doctor');
    },
    2 * patienceMs,
  );

  test(
    'a run goes on elsewhere when its worker is killed, and the container comes back',
    async () => {
      const { workflowId } = await cluster.millrace<{ workflowId: string }>('dag', 'trigger', 'rows');
      await waitUntil('a worker holds', () => held.length > 0, patienceMs);
      const [victim = ''] = held;
      // All that it may end, which is all but the first process.
      await dockerOutput('exec', victim, 'sh', '-c', 'kill -9 -1');
      const tries = held.length;
      await waitUntil('a task is tried again', () => held.length > tries, patienceMs);
      gate = 'open';
      let state = 'running';
      await waitUntil(
        'the run ends',
        async () => {
          const shown = await cluster.millrace<{ run: { state: string } }>('run', 'show', workflowId);
          state = shown.run.state;
          return state !== 'running';
        },
        patienceMs,
      );
      expect(state).toBe('success');
      const { rows } = await cluster.millrace<{ rows: object[] }>('query', 'SELECT id FROM numbers');
      expect(rows).toHaveLength(3);
      const inspected = await dockerOutput(
        'inspect',
        victim,
        '--format',
        '{{.RestartCount}} {{.State.Running}}',
      );
      expect(inspected).toMatch(/^[1-9]\d* true$/);
    },
    4 * patienceMs,
  );

  test(
    'the gateway takes an event at its port, and workers load it',
    async () => {
      const answer = await fetch(`http://${await cluster.compose('port', 'gateway', '8088')}/v1/track`, {
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
          const run = await cluster.millrace<TriggeredRun>('dag', 'trigger', 'events', '--wait');
          expect(run.result.state).toBe('success');
          return run.result.counts.loaded === 1;
        },
        patienceMs,
      );
    },
    2 * patienceMs,
  );

  test(
    'workers and gateway end by themselves when they are told to, and nothing stays',
    async () => {
      await cluster.compose('stop', 'worker', 'gateway', 'deploy');
      const ended = [...(await cluster.containers('worker')), ...(await cluster.containers('gateway'))];
      expect(ended.map(({ Service, State, ExitCode }) => [Service, State, ExitCode])).toEqual([
        ...[
          ['worker', 'exited', 0],
          ['worker', 'exited', 0],
          ['gateway', 'exited', 0],
        ],
      ]);
      await cluster.down();
      expect(await cluster.leftovers()).toBe('');
    },
    2 * patienceMs,
  );
});
