import { createDuckDbWarehouse } from '../../connectors/duckdb/index.js';
import { peerGaps } from './gaps.js';
import { warehouseContract } from './suite/contract.js';

warehouseContract({
  name: 'duckdb',
  gaps: peerGaps.duckdb,
  textMaxBytes: 16 * 1024 * 1024,
  fresh: () => Promise.resolve(({ path, staging }) => createDuckDbWarehouse({ path, staging })),
});
