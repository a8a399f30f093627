import { afterAll, beforeAll, describe } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { createSnowflakeWarehouse } from '../../connectors/snowflake/index.js';
import { findFakesnow, startFakesnow, type Peer } from '../peers/peers.js';
import { peerGaps } from './gaps.js';
import { warehouseContract } from './suite/contract.js';

const python = await findFakesnow();
let peer: Peer | undefined;

(python === undefined ? describe.skip : describe)('Snowflake, played by fakesnow', () => {
  beforeAll(async () => {
    peer = await startFakesnow(python ?? '');
  });
  afterAll(async () => {
    await peer?.stop();
  });
  warehouseContract({
    name: 'snowflake (fakesnow)',
    gaps: peerGaps.snowflake,
    asked: async () => (await peer?.asked()) ?? [],
    textMaxBytes: 1024 * 1024,
    fresh: () => {
      const connection = {
        ...{ account: 'test', user: 'loader', password: 'any', database: 'test' },
        schema: `t_${randomBytes(6).toString('hex')}`,
        accessUrl: peer?.url ?? '',
      };
      return Promise.resolve((parts) => createSnowflakeWarehouse({ connection, ...parts }));
    },
  });
});
