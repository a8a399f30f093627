import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { TestProject, waitUntil, type RunningProcess } from '../helpers/project.js';
import { startLoginProxy, type LoginProxy } from '../peers/login-proxy.js';
import { findFakesnow, startFakesnow, type Peer } from '../peers/peers.js';
import { rowSchema } from './dag-files.js';

const dag = `
import { defineDag } from 'millrace';
export default defineDag({
  id: 'etl', schedule: 'manual',
  tasks: ({ extract, validate, transform, load }) => {
    const raw = extract('pull', { from: async function* () {
      for (let n = 0; n < 3; n += 1) yield { id: 'row-' + n, value: n, at: '2026-01-01T00:00:00Z' };
    } });
    const shape = { normalise: { id: 'upper' }, constant: { place: 'it\\'s here' }, runIn: 'warehouse' } as const;
    const rows = transform('shape', validate('check', raw, { schema: 'row.v1' }), shape);
    load('store', rows, { into: 'numbers', key: ['id'], version: ['at'], disposition: 'merge' });
  },
});`;

const python = await findFakesnow();
let peer: Peer;
let door: LoginProxy;
let project: TestProject;
let worker: RunningProcess;

/** Keeps a connection in the operations store. */
function add(
  name: string,
  connector: string,
  options: Readonly<Record<string, string>>,
  secrets: readonly string[] = [],
) {
  const set = Object.entries(options).flatMap(([option, value]) => ['--set', `${option}=${value}`]);
  return project.run('connections', 'add', name, '--connector', connector, ...set, ...secrets);
}

(python === undefined ? describe.skip : describe)('a project on Snowflake, played by fakesnow', () => {
  beforeAll(async () => {
    peer = await startFakesnow(python ?? '');
    door = await startLoginProxy(peer.url);
    door.takes('not-a-secret');
    // Both come from the environment, as a deployment sets them.
    process.env['MILLRACE_WAREHOUSE'] = 'snowflake';
    process.env['SNOWFLAKE_TEST_PASSWORD'] = 'not-a-secret';
    process.env['TEST_KEYS'] = `test:${randomBytes(32).toString('base64')}`;
    project = await TestProject.create(
      { 'etl.ts': dag },
      {
        security: { keys: [{ env: 'TEST_KEYS' }] },
        connections: {
          snowflake: {
            ...{
              connector: 'snowflake',
              account: 'test',
              user: 'loader',
              database: 'test',
              schema: 'project',
            },
            ...{ password: { env: 'SNOWFLAKE_TEST_PASSWORD' }, accessUrl: peer.url },
          },
        },
      },
    );
    project.write('schemas/row.v1.schema.json', rowSchema);
    await project.startTemporal();
    await project.json('deploy');
    worker = await project.startWorker();
  }, 240_000);
  afterAll(async () => {
    delete process.env['MILLRACE_WAREHOUSE'];
    delete process.env['MILLRACE_WAREHOUSE_CONNECTION'];
    delete process.env['TEST_KEYS'];
    delete process.env['SNOWFLAKE_TEST_PASSWORD'];
    await door.close();
    await peer.stop();
  });

  test('MILLRACE_WAREHOUSE chooses it: a run loads it, and the command line reads it', async () => {
    await project.json('dag', 'trigger', 'etl', '--wait');
    expect(await project.rows('SELECT id, value, place FROM numbers ORDER BY value')).toEqual(
      ['0', '1', '2'].map((value) => ({ id: `ROW-${value}`, value, place: "it's here" })),
    );
    const asked = await peer.asked();
    expect(asked).toContainEqual(
      expect.objectContaining({ sql: expect.stringMatching(/^INSERT INTO "\S+_BATCH" [^]*_SOURCE"/) }),
    );
    const commit = asked.findIndex(({ sql }) => sql === 'COMMIT');
    const begin = asked.findLastIndex(({ sql }, index) => index < commit && sql === 'BEGIN TRANSACTION');
    const transaction = asked.slice(begin, commit).map(({ sql }) => sql);
    expect(transaction).toContainEqual(expect.stringMatching(/^MERGE INTO "NUMBERS"/));
    expect(transaction).toContainEqual(expect.stringMatching(/^INSERT INTO "_MILLRACE_LOADS"/));
    expect(asked[commit]?.parameters?.['QUERY_TAG']).toMatch(/"app":"millrace","table":"numbers","load":/);
    expect(project.read('data/warehouse.duckdb')).toBe('');
  }, 240_000);

  test('a connection of the operations store that cannot work is told', async () => {
    process.env['MILLRACE_WAREHOUSE_CONNECTION'] = 'kept';
    expect((await project.run('query', 'SELECT 1')).stderr).toMatch(
      /no connection "kept".*CONNECTION_UNKNOWN/s,
    );
    expect((await add('kept', 'snowflake', { account: 'test' })).stderr).toMatch(
      /needs "database".*needs "schema".*a password.*CONFIG_INVALID/s,
    );
    process.env['MILLRACE_WAREHOUSE_CONNECTION'] = 'shop';
    expect(await add('shop', 'shopify', { shop: 'my-shop' })).toMatchObject({ code: 0 });
    expect((await project.run('query', 'SELECT 1')).stderr).toMatch(
      /"shop" cannot be used: it is one of "shopify", and the warehouse is "snowflake"/,
    );
  }, 400_000);

  test('its connection may be one of the operations store: commands and a worker use it', async () => {
    process.env['MILLRACE_WAREHOUSE_CONNECTION'] = 'kept';
    const options = {
      ...{ account: 'test', user: 'loader', database: 'test', schema: 'kept', accessUrl: door.url },
    };
    const secret = ['--secret-env', 'password=SNOWFLAKE_TEST_PASSWORD'];
    expect(await add('kept', 'snowflake', options, secret)).toMatchObject({ code: 0 });
    expect(await project.json('connections', 'test', 'kept')).toMatchObject({
      connections: [
        {
          ...{ name: 'kept', connector: 'snowflake', isWorking: true },
          detail: expect.stringContaining('"schema":"kept"'),
        },
      ],
    });
    await worker.end();
    worker = await project.startWorker();
    await project.json('dag', 'trigger', 'etl', '--wait');
    expect(await project.rows('SELECT id FROM "TEST"."KEPT"."NUMBERS" ORDER BY id')).toEqual(
      ['ROW-0', 'ROW-1', 'ROW-2'].map((id) => ({ id })),
    );

    process.env['SNOWFLAKE_TEST_PASSWORD'] = 'the-next-one';
    expect(await project.run('connections', 'update', 'kept', ...secret)).toMatchObject({ code: 0 });
    door.takes('the-next-one');
    await waitUntil(
      'the worker that is at work logs in with the new password',
      async () => {
        await project.json('dag', 'trigger', 'etl', '--wait');
        return door.logins.at(-1)?.password === 'the-next-one';
      },
      240_000,
    );
  }, 600_000);
});
