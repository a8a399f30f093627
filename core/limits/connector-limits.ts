/** The part of `limits` that single connectors have: sources, their logins, staging in buckets. */
export const connectorLimits = {
  /** HubSpot: from one search to the next; an account may search four times a second. */
  hubspotSearchEveryMs: 260,
  /** HubSpot: searches of an account in a second, over all workers. */
  hubspotSearchesPerSecond: 4,
  /** HubSpot: names of properties with their commas; longer ones make an address that servers refuse. */
  hubspotPropertiesMaxLength: 10_000,
  /** Salesforce: one request; a query ends there by itself after two minutes. */
  salesforceRequestTimeoutMs: 130_000,
  /** Salesforce: an encoded query in an address; a longer one is read by a bulk job, which takes it in its body. */
  salesforceQueryMaxLength: 12_000,
  /** Salesforce: share of the requests of a day, in percent, that is left to others; a read stops before it. */
  salesforceApiReservePercent: 5,
  /** Salesforce: how soon a bulk job is asked for its state, and how long at most between two questions. */
  salesforceBulkPollFirstMs: 500,
  salesforceBulkPollMaxMs: 20_000,
  /** Salesforce: records of one piece of a bulk job's results. */
  salesforceBulkPageRecords: 5_000,
  /** Salesforce: time to abort and delete a bulk job. */
  salesforceBulkEndMs: 10_000,
  /** Magento: records of a page, and the most that shops give where they bound it. */
  magentoPageRecords: 100,
  magentoPageMaxRecords: 300,
  /** Shopify: a full bucket of calls is empty again after this time, whatever the shop's plan. */
  shopifyBucketMs: 20_000,
  /** Shopify: objects that the pages of one search lead to. */
  shopifySearchMaxObjects: 25_000,
  /** Shopify: a bulk operation is asked after for the first time, at most this long after the last time, and while others run. */
  shopifyBulkPollFirstMs: 250,
  shopifyBulkPollMaxMs: 15_000,
  shopifyBulkBusyWaitMs: 60_000,
  /** Shopify: to cancel a bulk operation when its read is cancelled. */
  shopifyBulkCancelMs: 5_000,
  /** Files: bytes of one when it is unpacked, where the options name none; and files that one pattern may find. */
  fileMaxBytes: 64 * 1024 * 1024 * 1024,
  fileMaxFound: 100_000,
  /** Files: those read last that a cursor remembers by name and version. */
  fileRememberedFiles: 1_000,
  /** Files: folders in each other that `**` looks into. */
  fileMaxDepth: 16,
  /** Files: what a zstd file may ask its reader to keep, as much as the program `zstd` grants; JSON text of a Parquet file at a time. */
  fileZstdWindowMaxBytes: 128 * 1024 * 1024,
  parquetBatchBytes: 256 * 1024,
  /** Files: memory of the engine that reads one Parquet file, MiB. */
  parquetSqlMemoryMb: 256,
  /** SFTP: time to connect and log in, how often the server is asked whether it is there, and how often it may not answer. */
  sftpConnectTimeoutMs: 20_000,
  sftpKeepAliveMs: 15_000,
  sftpKeepAliveMisses: 3,
  /** Mailchimp: one request, which it ends by itself after two minutes, and reads of one collection until it stands still. */
  mailchimpRequestTimeoutMs: 130_000,
  mailchimpMaxPasses: 5,
  /** GA4: tables of one page of a list, and days in which the table of a day may change (three, time zones, and one to spare). */
  ga4ListedTables: 1_000,
  ga4RewrittenDays: 5,
  /** DuckDB: rows of one of its row groups, which one thread reads (https://duckdb.org/docs/stable/guides/performance/how_to_tune_workloads). */
  duckDbRowGroupRows: 122_880,
  /** BigQuery: to cancel the job of a read that is given up, and to hear the answer that it waited for. */
  bigQueryCancelMs: 5_000,
  /** BigQuery: how often its client repeats a request of a load by itself, within each try of ours. */
  bigQueryClientRetries: 1,
  /** BigQuery: rows, and bytes of their file, up to which a batch goes by the Storage Write API; a larger one is a load job. */
  bigQueryWriteMaxRows: 50_000,
  bigQueryWriteMaxBytes: 8 * 1024 * 1024,
  /** BigQuery: rows of one request of the Storage Write API, which takes 10 MB; a larger row is alone in its own. */
  bigQueryAppendMaxBytes: 2 * 1024 * 1024,
  /** BigQuery: one request of the Storage Write API, and how often its connection is asked whether it lives. */
  bigQueryWriteTimeoutMs: 60_000,
  bigQueryKeepAliveMs: 30_000,
  /** GraphQL: text of a query; it travels with the DAG. */
  graphqlQueryMaxLength: 32_000,
  /** OAuth: one request to an authorization server, and one answer of it. */
  oauthRequestTimeoutMs: 20_000,
  oauthAnswerMaxBytes: 1024 * 1024,
  /** OAuth: a token is renewed this long before it expires, or at half of its life if that is later. */
  oauthExpiryMarginMs: 60_000,
  /** OAuth: a longer life of a token is read as this one; a token that is refused before is renewed all the same. */
  oauthTokenMaxLifeMs: 366 * 24 * 60 * 60_000,
  /** OAuth: how long one process may take to renew a token before another one does, how long that one waits, and how often it looks. */
  oauthTurnMs: 60_000,
  oauthTurnWaitMs: 90_000,
  oauthTurnPollMs: 100,
  /** OAuth: life of a signed assertion (JWT bearer). */
  oauthAssertionMs: 5 * 60_000,
  /** OAuth: how long a login waits for the browser, unless it is told otherwise. */
  oauthLoginMs: 5 * 60_000,
  /** OAuth: how often a login by device asks where the server says nothing, and how much slower it gets when told to. */
  oauthDevicePollMs: 5_000,
  /** Postgres: time to connect, for a lock, for a cancel, and for one statement where the connection names none. */
  postgresConnectTimeoutMs: 10_000,
  postgresLockTimeoutMs: 30_000,
  postgresCancelTimeoutMs: 5_000,
  postgresStatementTimeoutMs: 60 * 60_000,
  /** Postgres: how often the server, and how soon the client, looks whether the other side is still there. */
  postgresClientCheckMs: 2_000,
  postgresKeepAliveMs: 30_000,
  /** Postgres: bytes of a COPY that wait in memory, and that are handed on at a time. */
  postgresCopyBufferBytes: 512 * 1024,
  postgresBatchBytes: 512 * 1024,
  /** Postgres: tables among which one with a similar name is looked for. */
  postgresListedTables: 10_000,
  /** Staging in a bucket: one file (S3 takes 5 GiB at once), transfers at a time, and how long one may stand still. */
  stagingObjectMaxBytes: 5 * 1024 * 1024 * 1024,
  stagingActiveTransfers: 8,
  stagingStallMs: 60_000,
  /** Pieces of an upload to S3, which takes none below 8 KiB but the last. */
  stagingUploadPieceBytes: 64 * 1024,
  /** Staging in a bucket: older content that comes again is written again, MiB of local copies, and how long one stays at least. */
  stagingRefreshAfterMs: 12 * 60 * 60_000,
  stagingCacheDefaultMb: 10_240,
  stagingCacheKeepMs: 2 * 60 * 60_000,
  /** Records that `millrace dag sample` shows where it is not told, and at most. */
  sampleRows: 10,
  sampleMaxRows: 1_000,
  /** One read of `millrace dag sample`. */
  sampleMaxMs: 60_000,
  /** Length of the data interval that it asks for where it is not told. */
  sampleIntervalMs: 24 * 60 * 60_000,
} as const;
