export { connectDuckDb, type DuckDbReader } from './connect.js';
export { createDuckDbWarehouse, type DuckDbOptions, type RebuildReport } from './warehouse.js';
