/** The public API. Nothing that is not exported here or from `millrace/client`, `millrace/testing` and `millrace/testing/kit` is public. */
export { defineDag } from './core/dag/dag-builder.js';
export type {
  CallbackContext,
  CallbackEvent,
  DagDefinition,
  RecordObject,
  TaskFunctionContext,
  TaskLog,
} from './core/dag/dag-definition.js';
export type { DagOptions, ProtobufSchema, TaskBuilder } from './core/dag/dag-options.js';
export { asset, type Asset, type AssetInput, type AssetSpec } from './core/assets/asset.js';
export { allOf, anyOf, type AssetGroup, type AssetScheduleOptions } from './core/dag/asset-schedule.js';
export type { AssetEvent, AssetEventSource } from './core/assets/asset-event.js';
export type { After, Edge, GroupEdge, Rows } from './core/dag/edge.js';
export {
  acceptedValues,
  freshness,
  matches,
  notNull,
  range,
  references,
  unique,
} from './core/quality/checks.js';
export type { Check, CheckOptions, CheckSettings } from './core/quality/checks.js';
export type { IdentifierOptions, IdentityOptions } from './core/identity/options.js';
export type { IdentityOutcome } from './core/identity/spec.js';
export { param, type Param } from './core/dag/param.js';
export { FailTaskError, RetryTaskError, SkipTaskError } from './core/dag/task-errors.js';
export type { ApprovalResult, Callback, TaskOptions } from './core/dag/task-options.js';
export { isPipelineError, PipelineError, type ErrorCode } from './core/errors/index.js';
export type { DeclaredDeletes } from './connectors/declared-deletes.js';
export { file, type FileOptions } from './connectors/file/reference.js';
export type { GraphqlIncremental, GraphqlPaginator } from './connectors/graphql/options.js';
export { graphql, type GraphqlOptions } from './connectors/graphql/reference.js';
export { hubspot, type HubspotReadOptions } from './connectors/hubspot/reference.js';
export {
  salesforce,
  type SalesforceReadOptions,
  type SoqlCondition,
} from './connectors/salesforce/reference.js';
export { magento, type MagentoReadOptions } from './connectors/magento/reference.js';
export { inbox } from './connectors/inbox/reference.js';
export {
  klaviyo,
  type KlaviyoProfilesOptions,
  type KlaviyoReadOptions,
} from './connectors/klaviyo/reference.js';
export { ga4, type Ga4EventsOptions } from './connectors/ga4/reference.js';
export {
  mailchimp,
  type MailchimpEmailEventsOptions,
  type MailchimpMembersOptions,
  type MailchimpReadOptions,
} from './connectors/mailchimp/reference.js';
export type { RestCursorFormat, RestIncremental, RestPaginator } from './connectors/rest/options.js';
export { rest, type RestOptions } from './connectors/rest/reference.js';
export { mysql, type MysqlQueryOptions, type MysqlTableOptions } from './connectors/mysql/reference.js';
export {
  postgres,
  type PostgresQueryOptions,
  type PostgresTableOptions,
} from './connectors/postgres/reference.js';
export {
  shopify,
  type ShopifyOrdersOptions,
  type ShopifyReadOptions,
} from './connectors/shopify/reference.js';
