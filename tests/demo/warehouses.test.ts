import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { warehouseModule } from '../../connectors/warehouse-registry.js';
import type { JsonObject } from '../../core/json.js';
import { createShopServer, type ShopServer } from '../../testing/index.js';
import { root } from '../architecture/source-tree.js';
import { TestProject } from '../helpers/project.js';
import {
  findBigQueryEmulator,
  findFakesnow,
  startBigQueryEmulator,
  startFakesnow,
  type Peer,
} from '../peers/peers.js';

const python = await findFakesnow();
const emulator = await findBigQueryEmulator();
const tables = ['purchases', 'orders'] as const;
const text = (path: string) => readFileSync(join(root, path), 'utf8');
const environment = { DEMO_SHOP_TOKEN: '', DEMO_WAREHOUSE_PASSWORD: 'any' };
let shop: ShopServer;
let expected: Readonly<Record<string, TableDigest>>;

/** A table's rows as one hash, whatever their order and however a warehouse pads decimals. */
interface TableDigest {
  readonly rows: number;
  readonly hash: string;
}

/** Runs the DAGs of the demo that pull on a warehouse, and digests the tables that they fill. */
async function runDags(type: string, connection: JsonObject): Promise<Record<string, TableDigest>> {
  process.env['MILLRACE_WAREHOUSE'] = type;
  const project = await TestProject.create(
    {
      'purchase-history.ts': text('dags/purchase-history.ts'),
      'shop-orders.ts': text('dags/shop-orders.ts'),
    },
    {
      connections: {
        shop: { connector: 'shopify', url: shop.url, accessToken: { env: 'DEMO_SHOP_TOKEN' } },
        ...(type === 'duckdb' ? {} : { [type]: { connector: type, ...connection } }),
      },
    },
  );
  try {
    project.write('dags/data/cdnow-purchases.txt', text('dags/data/cdnow-purchases.txt'));
    await project.startTemporal();
    await project.json('deploy');
    await project.startWorker();
    const months = ['--from', '1998-05', '--to', '1998-07'];
    await project.json('backfill', 'create', 'purchase-history', ...months, '--wait');
    await project.json('dag', 'trigger', 'shop-orders', '--wait');
    const { connectReader } = await warehouseModule(type);
    const reader = await connectReader({
      settings: { type, path: join(project.folder, '.millrace/warehouse.duckdb') },
      connection: { ...connection, ...('password' in connection ? { password: 'any' } : {}) },
    });
    try {
      const digests: Record<string, TableDigest> = {};
      for (const table of tables)
        digests[table] = digestOf((await reader.query(`SELECT * FROM ${table}`, 100_000)).rows);
      return digests;
    } finally {
      await reader.close();
    }
  } finally {
    delete process.env['MILLRACE_WAREHOUSE'];
    await project.close();
  }
}

function digestOf(rows: readonly JsonObject[]): TableDigest {
  const canonical = (value: unknown) =>
    typeof value === 'string' && /^-?\d+\.\d+$/.test(value)
      ? value.replace(/0+$/, '').replace(/\.$/, '')
      : (value ?? null);
  const lines = rows.map((row) =>
    JSON.stringify(
      Object.keys(row)
        .filter((name) => !name.startsWith('_millrace_'))
        .sort()
        .map((name) => [name, canonical(row[name])]),
    ),
  );
  return { rows: rows.length, hash: createHash('sha256').update(lines.sort().join('\n')).digest('hex') };
}

describe('the DAGs of the demo', () => {
  let peer: Peer | undefined;
  beforeAll(async () => {
    shop = await createShopServer({ seed: 7, faults: false });
    while (!shop.isDone()) shop.advance();
    Object.assign(process.env, environment, { DEMO_SHOP_TOKEN: shop.accessToken });
    expected = await runDags('duckdb', {});
  }, 240_000);
  afterEach(async () => {
    await peer?.stop();
    peer = undefined;
  });
  afterAll(async () => {
    for (const name of Object.keys(environment)) Reflect.deleteProperty(process.env, name);
    await shop.close();
  });

  test('fill the tables on DuckDB', () => {
    expect(expected['orders']?.rows).toBe(shop.truth().length);
    expect(expected['purchases']?.rows).toBeGreaterThan(3_000);
  });

  (python === undefined ? test.skip : test)(
    'end as the same rows on Snowflake, played by fakesnow',
    async () => {
      peer = await startFakesnow(python ?? '');
      const connection = {
        ...{ account: 'test', user: 'loader', database: 'test', schema: 'demo', accessUrl: peer.url },
        password: { env: 'DEMO_WAREHOUSE_PASSWORD' },
      };
      expect(await runDags('snowflake', connection)).toEqual(expected);
    },
    240_000,
  );

  (emulator === undefined ? test.skip : test)(
    'end as the same rows on BigQuery, played by its emulator',
    async () => {
      const bigQuery = await startBigQueryEmulator(emulator ?? '');
      peer = bigQuery;
      const connection = { project: 'test', dataset: await bigQuery.dataset(), apiEndpoint: bigQuery.url };
      expect(await runDags('bigquery', connection)).toEqual(expected);
    },
    600_000,
  );
});
