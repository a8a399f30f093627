import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createWarehouseRenewal } from '../../activities/worker/warehouse-renewal.js';
import { warehousePlace } from '../../client/project.js';
import type { Settings } from '../../config.js';
import { createSnowflakeWarehouse } from '../../connectors/snowflake/index.js';
import { openOpsStore, type OpsStore } from '../../ops/store.js';
import { createKeyring } from '../../security/keyring.js';
import { temporaryFolder } from '../helpers/folder.js';
import { waitUntil } from '../helpers/project.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';
import { startLoginProxy, type LoginProxy } from '../peers/login-proxy.js';
import { findFakesnow, startFakesnow, type Peer } from '../peers/peers.js';

const python = await findFakesnow();
const folder = temporaryFolder();
const name = 'loading';
const schema = `t_${randomBytes(6).toString('hex')}`;
const settings = {
  warehouse: { type: 'snowflake', path: '', connection: name },
  connections: {},
} as unknown as Settings;
const columns = [column('id', 'int64'), column('version', 'int64')];
const lines: string[] = [];
let peer: Peer;
let door: LoginProxy;
let store: OpsStore;
let house: TestWarehouse;

/** A warehouse of the stored connection, as a worker opens it. */
async function open(everyMs: number): Promise<TestWarehouse> {
  const place = () => warehousePlace(settings, () => Promise.resolve(store));
  const { connection } = await place();
  const log = (...words: unknown[]) => lines.push(JSON.stringify(words));
  const renewal = { ...createWarehouseRenewal(place, { info: log, warn: log }), everyMs };
  return TestWarehouse.open(folder, (parts) => createSnowflakeWarehouse({ connection, ...parts, renewal }));
}

const load = (id: number) => house.load({ columns, rows: [{ id, version: 1 }] });
const ids = async (from = house) => (await from.rows('SELECT id FROM items ORDER BY id')).map(({ id }) => id);
const change = (password: string) => store.connections.update(name, { secrets: { password } });

/** Work while a statement of the session that stands has no answer yet, so that it needs a login of its own. */
async function besideHeld<Result>(number: number, work: () => Promise<Result>): Promise<Result> {
  const { arrived, release } = door.hold(`AS held_${String(number)}`);
  const held = house.rows(`SELECT ${String(number)} AS held_${String(number)}`);
  await arrived;
  try {
    return await work();
  } finally {
    release();
    expect(await held).toEqual([{ [`held_${String(number)}`]: String(number) }]);
  }
}

(python === undefined ? describe.skip : describe)('the connection of an open warehouse', () => {
  beforeAll(async () => {
    peer = await startFakesnow(python ?? '');
    door = await startLoginProxy(peer.url);
    door.takes('first');
    mkdirSync(folder, { recursive: true });
    const keyring = createKeyring([`k1:${randomBytes(32).toString('base64')}`]);
    store = await openOpsStore({ path: join(folder, 'ops.db'), keyring });
    await store.connections.add(name, 'snowflake', {
      set: { account: 'test', user: 'loader', database: 'test', schema, accessUrl: door.url },
      secrets: { password: 'first' },
    });
    house = await open(Infinity);
    await load(1);
  });
  afterAll(async () => {
    await house.close();
    await store.close();
    await door.close();
    await peer.stop();
  });

  test('is read again when the warehouse refuses it; what runs ends on the former one, which is closed then', async () => {
    const endedBefore = door.ended();
    await besideHeld(1, async () => {
      await change('second');
      door.takes('second');
      await load(2);
      expect(door.logins.slice(-2)).toEqual([
        { password: 'first', isTaken: false },
        { password: 'second', isTaken: true },
      ]);
      expect(door.ended()).toBe(endedBefore);
    });
    await waitUntil('the former session is ended', () => door.ended() > endedBefore);
    expect(await ids()).toEqual(['1', '2']);
    expect(lines).toEqual([expect.stringContaining('new statements use it')]);
  });

  test('is looked at now and then, so that a change takes effect while the former one is still good', async () => {
    const looking = await open(0);
    await change('third');
    door.takes('second', 'third');
    expect(await ids(looking)).toEqual(['1', '2']);
    expect(door.logins.at(-1)).toEqual({ password: 'third', isTaken: true });
    await change('wrong');
    for (let times = 0; times < 3; times += 1) expect(await ids(looking)).toEqual(['1', '2']);
    expect(door.logins.filter(({ password }) => password === 'wrong')).toHaveLength(1);
    await looking.close();
  });

  test('does not leave one that works for one that does not log in, or leads elsewhere, and takes a better one later', async () => {
    lines.length = 0;
    await change('wrong');
    await besideHeld(2, async () => {
      door.takes();
      await expect(load(3)).rejects.toMatchObject({ code: 'WAREHOUSE_AUTH' });
    });
    expect(lines.at(-1)).toContain('WAREHOUSE_AUTH');
    expect(await ids()).toEqual(['1', '2']);

    await store.connections.update(name, { set: { schema: 'elsewhere' }, secrets: { password: 'fourth' } });
    await besideHeld(3, async () => {
      door.takes('fourth');
      await expect(load(3)).rejects.toMatchObject({ code: 'WAREHOUSE_AUTH' });
    });
    expect(lines.at(-1)).toContain('test.test.elsewhere now');

    await store.connections.update(name, { set: { schema } });
    await besideHeld(4, () => load(3));
    expect(await ids()).toEqual(['1', '2', '3']);
    expect(lines.join('\n')).not.toMatch(/"(wrong|fourth)"/);
  });
});
