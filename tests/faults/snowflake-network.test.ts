import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { SnowflakeEngine } from '../../connectors/snowflake/engine.js';
import { createSnowflakeWarehouse } from '../../connectors/snowflake/index.js';
import { snowflakeSettings } from '../../connectors/snowflake/settings.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';
import { startCutProxy, type CutProxy, type Fate } from '../peers/cut-proxy.js';
import { findFakesnow, startFakesnow, type Peer } from '../peers/peers.js';

const python = await findFakesnow();
const folder = temporaryFolder();
const columns = [column('id', 'int64'), column('version', 'int64'), column('value', 'string')];
const row = (id: number, version: number, value: string) => ({ id, version, value });
let peer: Peer;
let network: CutProxy;
let house: TestWarehouse;
let connection: JsonObject;

/** The first delivery of a statement that begins so meets the fate, once. */
function strike(beginning: string, fate: Fate): void {
  let isDone = false;
  network.decide((sql, delivery) => {
    if (isDone || delivery > 1 || !sql.startsWith(beginning)) return 'pass';
    isDone = true;
    return fate;
  });
}

async function expectLoadedOnce(loadId: string): Promise<void> {
  expect(await house.rows('SELECT id, value FROM items ORDER BY id')).toEqual([
    { id: '1', value: 'first' },
    { id: '2', value: 'a' },
    { id: '3', value: 'b' },
  ]);
  expect(await house.rows(`SELECT loaded FROM _millrace_loads WHERE load_id = '${loadId}'`)).toEqual([
    { loaded: '2' },
  ]);
}

async function expectUntouched(): Promise<void> {
  expect(await house.rows('SELECT id, value FROM items')).toEqual([{ id: '1', value: 'first' }]);
  expect(await house.rows('SELECT count(*) AS n FROM _millrace_loads')).toEqual([{ n: '1' }]);
}

const next = () =>
  house.request({
    columns,
    config: { disposition: 'append', key: [], version: [] },
    rows: [row(2, 1, 'a'), row(3, 1, 'b')],
  });

(python === undefined ? describe.skip : describe)('Snowflake, played by fakesnow, over a bad network', () => {
  beforeAll(async () => {
    peer = await startFakesnow(python ?? '');
    network = await startCutProxy(peer.url);
  });
  afterAll(async () => {
    await network.close();
    await peer.stop();
  });
  beforeEach(async () => {
    network.decide(() => 'pass');
    network.seen.struck.length = 0;
    network.seen.resent = 0;
    connection = {
      ...{ account: 'test', user: 'loader', password: 'any', database: 'test' },
      schema: `t_${randomBytes(6).toString('hex')}`,
      accessUrl: network.url,
    };
    house = await TestWarehouse.open(folder, (parts) => createSnowflakeWarehouse({ connection, ...parts }));
    await house.load({
      columns,
      config: { disposition: 'append', key: [], version: [] },
      rows: [row(1, 1, 'first')],
    });
  });
  afterEach(() => house.close());

  test.each([
    ['before the transaction arrives', 'BEGIN', 'cut-before'],
    ['when the rows are in place and the answer is lost', 'INSERT INTO "ITEMS"', 'cut-after'],
    ['before the commit arrives', 'COMMIT', 'cut-before'],
    ['when the commit is done and its answer is lost', 'COMMIT', 'cut-after'],
  ] as const)(
    'cut %s: the driver asks again under the same id, and the load happens once',
    async (_when, statement, fate) => {
      const request = await next();
      strike(statement, fate);
      await house.warehouse.load(request);
      expect(network.seen.struck).toHaveLength(1);
      expect(network.seen.resent).toBeGreaterThan(0);
      await expectLoadedOnce(request.loadId);
    },
  );

  test('the session ends before the commit: nothing is visible, and the next try loads once', async () => {
    const request = await next();
    strike('COMMIT', 'session-lost');
    await expect(house.warehouse.load(request)).rejects.toMatchObject({
      code: 'WAREHOUSE_UNAVAILABLE',
      retryable: true,
    });
    await expectUntouched();
    await house.warehouse.load(request);
    await expectLoadedOnce(request.loadId);
  });

  test('the commit is done and the session ends: the load finds its own marker', async () => {
    const request = await next();
    strike('COMMIT', 'session-lost-after');
    expect(await house.warehouse.load(request)).toMatchObject({
      loadId: request.loadId,
      counts: { loaded: 2 },
    });
    await expectLoadedOnce(request.loadId);
  });

  test('the commit is done and nobody can be asked about it: the next try changes nothing', async () => {
    const request = await next();
    let isGone = false;
    network.decide((sql) => {
      if (isGone) return 'session-lost';
      if (!sql.startsWith('COMMIT')) return 'pass';
      isGone = true;
      return 'session-lost-after';
    });
    await expect(house.warehouse.load(request)).rejects.toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' });
    network.decide(() => 'pass');
    expect(await house.warehouse.load(request)).toMatchObject({
      loadId: request.loadId,
      counts: { loaded: 2 },
    });
    await expectLoadedOnce(request.loadId);
  });

  test('a load delivered again after its commit changes nothing', async () => {
    const request = await next();
    const [first, second] = [await house.warehouse.load(request), await house.warehouse.load(request)];
    expect(second).toEqual(first);
    await expectLoadedOnce(request.loadId);
  });

  test('the file of a COPY that fails is taken out of the stage', async () => {
    const path = join(folder, 'rows.csv.gz');
    const rows = 5_000;
    writeFileSync(path, gzipSync('1,1,"a"\n'.repeat(rows)));
    const engine = new SnowflakeEngine(snowflakeSettings(connection));
    await engine.open();
    const sent: string[] = [];
    network.decide((sql) => {
      sent.push(sql);
      return 'pass';
    });
    await expect(engine.upload('nowhere', { columns, path, rows }, {})).rejects.toBeInstanceOf(PipelineError);
    await engine.sweep();
    await engine.close();
    expect(sent.map((sql) => sql.split(' ')[0])).toEqual(['PUT', 'COPY', 'REMOVE', 'SELECT', 'LIST']);
    expect(sent[2]).toBe('REMOVE @_MILLRACE_STAGE/NOWHERE/');
    expect(sent[4]).toBe('LIST @_MILLRACE_STAGE');
  });

  test('who lost its session and its interval meanwhile is refused', async () => {
    const request = await next();
    strike('COMMIT', 'session-lost');
    await expect(house.warehouse.load(request)).rejects.toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' });
    await house.warehouse.claimFence('items', '-');
    await expect(house.warehouse.load(request)).rejects.toMatchObject({ code: 'STALE_FENCE' });
    await expectUntouched();
  });
});
