import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createBigQueryWarehouse } from '../../connectors/bigquery/index.js';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';
import { bigQueryStatement, startCutProxy, type CutProxy, type Fate } from '../peers/cut-proxy.js';
import { findBigQueryEmulator, startBigQueryEmulator, type RenewedPeer } from '../peers/peers.js';

const emulator = await findBigQueryEmulator();
const folder = temporaryFolder();
const columns = [column('id', 'int64'), column('version', 'int64'), column('value', 'string')];
const config = { disposition: 'append', key: [], version: [] } as const;
const row = (id: number, version: number, value: string) => ({ id, version, value });
let peer: RenewedPeer;
let network: CutProxy;
let house: TestWarehouse;
// A statement takes the emulator a tenth of a second or more.
jest.setTimeout(300_000);

/** Meets the fate, once: the first statement that begins so, or the first question about its job. */
function strike(beginning: string, fate: Fate): void {
  let isDone = false;
  let isBegun = false;
  network.decide((sql) => {
    isBegun ||= sql.startsWith('BEGIN TRANSACTION');
    if (isDone || !isBegun || !sql.startsWith(beginning)) return 'pass';
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

const next = () => house.request({ columns, config, rows: [row(2, 1, 'a'), row(3, 1, 'b')] });

(emulator === undefined ? describe.skip : describe)(
  'BigQuery, played by its emulator, over a bad network',
  () => {
    beforeAll(async () => {
      peer = await startBigQueryEmulator(emulator ?? '');
      network = await startCutProxy(peer.url, bigQueryStatement);
    });
    afterAll(async () => {
      await network.close();
      await peer.stop();
    });
    beforeEach(async () => {
      network.decide(() => 'pass');
      network.seen.struck.length = 0;
      network.seen.resent = 0;
      const connection = { project: 'test', dataset: await peer.dataset(), apiEndpoint: network.url };
      house = await TestWarehouse.open(folder, (parts) => createBigQueryWarehouse({ connection, ...parts }));
      await house.load({ columns, config, rows: [row(1, 1, 'first')] });
    });
    afterEach(() => house.close());

    test.each([
      ['before the transaction arrives', 'BEGIN TRANSACTION', 'cut-before'],
      ['when the transaction is done and its answer is lost', 'BEGIN TRANSACTION', 'cut-after'],
      ['while its result is asked for', 'RESULT', 'cut-before'],
      ['when its result is on the way', 'RESULT', 'cut-after'],
      ['after its commit, before the marker is asked for', 'SELECT load_id', 'cut-before'],
      ['after its commit, when the marker is on the way', 'SELECT load_id', 'cut-after'],
    ] as const)(
      'cut %s: it is asked for again under the same id, and the load happens once',
      async (_when, statement, fate) => {
        const request = await next();
        strike(statement, fate);
        expect(await house.warehouse.load(request)).toMatchObject({ counts: { loaded: 2 } });
        expect(network.seen.struck).toHaveLength(1);
        expect(network.seen.resent).toBeGreaterThan(0);
        await expectLoadedOnce(request.loadId);
      },
    );

    test('the transaction is done and nobody can be asked about it: the next try changes nothing', async () => {
      const request = await next();
      let isGone = false;
      network.decide((sql) => {
        if (isGone) return 'cut-before';
        if (!sql.startsWith('BEGIN TRANSACTION')) return 'pass';
        isGone = true;
        return 'cut-after';
      });
      await expect(house.warehouse.load(request)).rejects.toMatchObject({
        code: 'WAREHOUSE_UNAVAILABLE',
        retryable: true,
      });
      network.decide(() => 'pass');
      expect(await house.warehouse.load(request)).toMatchObject({ counts: { loaded: 2 } });
      await expectLoadedOnce(request.loadId);
    });

    test('who lost its interval while nobody could be asked is refused', async () => {
      const request = await next();
      network.decide((sql) => (sql.startsWith('BEGIN TRANSACTION') ? 'cut-before' : 'pass'));
      await expect(house.warehouse.load(request)).rejects.toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' });
      network.decide(() => 'pass');
      await house.warehouse.claimFence('items', '-');
      await expect(house.warehouse.load(request)).rejects.toMatchObject({ code: 'STALE_FENCE' });
      expect(await house.rows('SELECT id, value FROM items')).toEqual([{ id: '1', value: 'first' }]);
      expect(await house.rows('SELECT count(*) AS n FROM _millrace_loads')).toEqual([{ n: '1' }]);
    });
  },
);
