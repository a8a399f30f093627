/** The public API. Nothing that is not exported here or from `millrace/testing` is public. */
export { defineDag } from './core/dag-builder.js';
export type { DagDefinition, RecordObject, TaskFunctionContext, TaskLog } from './core/dag-definition.js';
export type { DagOptions, Edge, Rows, TaskBuilder } from './core/dag-options.js';
export { isPipelineError, PipelineError, type ErrorCode } from './core/errors/index.js';
export { file, type FileOptions } from './connectors/file/reference.js';
export { inbox } from './connectors/inbox/reference.js';
export { shopify, type ShopifyOrdersOptions } from './connectors/shopify/reference.js';
