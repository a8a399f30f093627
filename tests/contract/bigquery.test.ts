import { afterAll, beforeAll, describe } from '@jest/globals';
import { createBigQueryWarehouse } from '../../connectors/bigquery/index.js';
import { isBigQueryWanted } from '../peers/obtain.js';
import { findBigQueryEmulator, startBigQueryEmulator, type RenewedPeer } from '../peers/peers.js';
import { warehouseContract } from './suite/contract.js';

/**
 * Asked for by name: building the emulator takes minutes. The statements are tried without it in
 * `tests/unit/commit-script.test.ts`.
 */
const emulator = isBigQueryWanted ? await findBigQueryEmulator() : undefined;
let peer: RenewedPeer | undefined;

(emulator === undefined ? describe.skip : describe)('BigQuery, played by its emulator', () => {
  beforeAll(async () => {
    peer = await startBigQueryEmulator(emulator ?? '');
  });
  afterAll(async () => {
    await peer?.stop();
  });
  warehouseContract({
    name: 'bigquery (emulator)',
    gaps: {},
    textMaxBytes: 1024 * 1024,
    fresh: async () => {
      const dataset = (await peer?.dataset()) ?? '';
      const connection = { project: 'test', dataset, apiEndpoint: peer?.url ?? '' };
      return (parts) => createBigQueryWarehouse({ connection, ...parts });
    },
  });
});
