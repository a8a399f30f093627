import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createBigQueryWarehouse } from '../../connectors/bigquery/index.js';
import { temporaryFolder } from '../helpers/folder.js';
import { column, TestWarehouse } from '../helpers/warehouse.js';
import { findBigQueryEmulator, startBigQueryEmulator, type RenewedPeer } from '../peers/peers.js';
import { peerGaps } from './gaps.js';
import { warehouseContract } from './suite/contract.js';

/** Building it takes minutes. The statements are tried without it in `tests/unit/commit-script.test.ts`. */
const emulator = await findBigQueryEmulator();
const folder = temporaryFolder();
let peer: RenewedPeer | undefined;
// A statement takes the emulator a tenth of a second or more.
jest.setTimeout(300_000);

(emulator === undefined ? describe.skip : describe)('BigQuery, played by its emulator', () => {
  beforeAll(async () => {
    peer = await startBigQueryEmulator(emulator ?? '');
  });
  afterAll(async () => {
    await peer?.stop();
  });
  test('a batch of a load job, and one of the Storage Write API, end as the same rows', async () => {
    const connection = {
      project: 'test',
      dataset: (await peer?.dataset()) ?? '',
      apiEndpoint: peer?.url ?? '',
    };
    const columns = [
      column('id', 'int64'),
      column('version', 'int64'),
      column('amount', 'decimal', 38, 9),
      column('at', 'timestamp'),
      column('day', 'date'),
      column('ok', 'boolean'),
      column('ratio', 'double'),
      column('text', 'string'),
    ];
    const rows = [
      {
        id: '9223372036854775807',
        version: 1,
        amount: '-0.000000001',
        ok: true,
        ratio: 5e-324,
        text: 'ü 😀',
      },
      { id: 1, version: 2, at: '1969-12-31 23:59:59.999999', day: '1900-01-01', ok: false, text: '' },
    ];
    const loaded = async (table: string, settings: Readonly<Record<string, string>>) => {
      const house = await TestWarehouse.open(folder, (parts) =>
        createBigQueryWarehouse({ connection: { ...connection, ...settings }, ...parts }),
      );
      await house.load({ columns, rows, config: { into: table }, loadId: `load-${table}` });
      const found = await house.rows(
        `SELECT ${columns.map(({ name }) => `\`${name}\``).join(', ')} FROM ${table} ORDER BY id`,
      );
      await house.close();
      return found;
    };
    const jobs = await loaded('jobs', {});
    expect(jobs).toHaveLength(2);
    expect(await loaded('streams', { writeApiEndpoint: peer?.writeApiUrl() ?? '' })).toEqual(jobs);
  });
  warehouseContract({
    name: 'bigquery (emulator)',
    gaps: peerGaps.bigquery,
    asked: async () => (await peer?.asked()) ?? [],
    textMaxBytes: 1024 * 1024,
    fresh: async () => {
      const dataset = (await peer?.dataset()) ?? '';
      // The emulator does not keep requests apart that come at once, and its wire queues those of HTTP alone.
      const isAtOnce = expect.getState().currentTestName?.includes(' workers ') ?? false;
      const connection = {
        ...{ project: 'test', dataset, apiEndpoint: peer?.url ?? '' },
        ...(isAtOnce ? {} : { writeApiEndpoint: peer?.writeApiUrl() ?? '' }),
      };
      return (parts) => createBigQueryWarehouse({ connection, ...parts });
    },
  });
});
