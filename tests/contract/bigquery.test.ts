import { afterAll, beforeAll, describe, jest } from '@jest/globals';
import { createBigQueryWarehouse } from '../../connectors/bigquery/index.js';
import { isBigQueryWanted } from '../peers/obtain.js';
import { findBigQueryEmulator, startBigQueryEmulator, type RenewedPeer } from '../peers/peers.js';
import { peerGaps } from './gaps.js';
import { warehouseContract } from './suite/contract.js';

/**
 * Asked for by name: building the emulator takes minutes. The statements are tried without it in
 * `tests/unit/commit-script.test.ts`.
 */
const emulator = isBigQueryWanted ? await findBigQueryEmulator() : undefined;
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
  warehouseContract({
    name: 'bigquery (emulator)',
    gaps: peerGaps.bigquery,
    asked: async () => (await peer?.asked()) ?? [],
    textMaxBytes: 1024 * 1024,
    fresh: async () => {
      const dataset = (await peer?.dataset()) ?? '';
      const writeApiEndpoint = peer?.writeApiUrl() ?? '';
      const connection = { project: 'test', dataset, apiEndpoint: peer?.url ?? '', writeApiEndpoint };
      return (parts) => createBigQueryWarehouse({ connection, ...parts });
    },
  });
});
