export { createGa4Server, type Ga4Fault, type Ga4Server, type Ga4ServerOptions } from './ga4-server.js';
export type { Ga4FixtureEvent, Ga4FixtureTable } from './ga4-state.js';
export type { CostBudget, GraphqlBody } from './graphql-execution.js';
export {
  createGraphqlServer,
  type GraphqlFault,
  type GraphqlServer,
  type GraphqlServerOptions,
} from './graphql-server.js';
export {
  createHubspotServer,
  type HubspotFault,
  type HubspotServer,
  type HubspotServerOptions,
  type HubspotTruth,
} from './hubspot-server.js';
export type { HubspotFixtureObject } from './hubspot-state.js';
export {
  createKlaviyoServer,
  type KlaviyoFault,
  type KlaviyoServer,
  type KlaviyoServerOptions,
} from './klaviyo-server.js';
export type { KlaviyoFixtureEvent, KlaviyoFixtureProfile } from './klaviyo-state.js';
export {
  createMagentoServer,
  type MagentoFault,
  type MagentoServer,
  type MagentoServerOptions,
} from './magento-server.js';
export type { MagentoFixtureStream, MagentoValue } from './magento-state.js';
export {
  createMailchimpServer,
  type MailchimpFault,
  type MailchimpServer,
  type MailchimpServerOptions,
} from './mailchimp-server.js';
export type {
  MailchimpFixtureActivity,
  MailchimpFixtureCampaign,
  MailchimpFixtureMember,
} from './mailchimp-state.js';
export type { RestRecord } from './rest-records.js';
export { createRestServer, type RestServer, type RestServerOptions } from './rest-server.js';
export {
  createSalesforceServer,
  type SalesforceFault,
  type SalesforceServer,
  type SalesforceServerOptions,
  type SalesforceTruth,
} from './salesforce-server.js';
export type { SalesforceFixtureObject } from './salesforce-state.js';
export { seededRandom, type SeededRandom } from './seeded-random.js';
export { startSftpServer, type SftpServer } from './sftp-server.js';
export type { ShopFault } from './shop-faults.js';
export type { ShopCustomer, ShopLineItem, ShopOrder } from './shop-orders.js';
export { createShopServer, type ShopServer, type ShopServerOptions } from './shop-server.js';
export {
  createTestCertificate,
  createWebhookFixtures,
  emailSamples,
  type CertificateOptions,
  type EmailSample,
  type SignedDelivery,
  type SignOptions,
  type TestCertificate,
  type WebhookFixture,
} from './webhooks/index.js';
