import { afterAll, beforeAll, describe } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { createSnowflakeWarehouse } from '../../connectors/snowflake/index.js';
import { findFakesnow, startFakesnow, type Peer } from '../peers/peers.js';
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
    gaps: {
      'whole decimals of 38 digits': 'fakesnow keeps NUMBER(38, 0) in 64 bits',
      bytes: 'fakesnow reads hexadecimal digits as letters',
    },
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
