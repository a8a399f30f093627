/** The part of `limits` that the gateway has: requests, webhooks, the API of runs, the inbox. */
export const gatewayLimits = {
  /** Gateway: request body after decompression. */
  gatewayBodyMaxBytes: 512 * 1024,
  /** Gateway: one Segment event and one batch (Segment HTTP API limits: 32 KB, 500 KB, 2,500 events). */
  segmentEventMaxBytes: 32 * 1024,
  segmentBatchMaxEvents: 2_500,
  /** Gateway: time to receive the head and the whole request. */
  gatewayHeadersTimeoutMs: 10_000,
  gatewayRequestTimeoutMs: 15_000,
  /** Gateway: open connections, and requests waiting for the shared fsync before 503. */
  gatewayMaxConnections: 2_000,
  gatewayMaxWaiting: 5_000,
  /** Gateway: requests of one source in work at once before 429, and bytes of all request bodies held at once before 503. */
  gatewayMaxInFlightPerSource: 500,
  gatewayMaxBufferedBytes: 64 * 1024 * 1024,
  /** Gateway: a refused client is asked to come back after this time. */
  gatewayRetryAfterMs: 1_000,
  /** Gateway: an idle kept-alive connection is closed after this time; how often overdue requests are looked for. */
  gatewayKeepAliveMs: 60_000,
  gatewayCheckEveryMs: 1_000,
  /** Gateway: from SIGTERM to the end of the requests in work. */
  gatewayGraceMs: 5_000,
  /** Gateway: the log hears of refused deliveries of one source at most this often. */
  gatewayRefusalLogEveryMs: 60_000,
  /** Gateway: how long a browser keeps the script for pages. */
  siteScriptMaxAgeMs: 60 * 60_000,
  /** Gateway: nesting of a JSON body. */
  jsonMaxDepth: 64,
  /** Webhooks: two-sided tolerance of the signed time stamp (Standard Webhooks advises five minutes). */
  webhookToleranceMs: 5 * 60_000,
  /** Webhooks: signatures tried in one header. */
  webhookMaxSignatures: 10,
  /** Webhooks: length of a delivery's id, and the shortest signing key. */
  webhookIdMaxLength: 256,
  webhookKeyMinBytes: 16,
  /** Webhooks: request body (SendGrid sends batches of 768 KB), and one header that is part of the check. */
  webhookBodyMaxBytes: 4 * 1024 * 1024,
  webhookHeaderMaxLength: 4 * 1024,
  /** Webhooks: fields of a form that becomes JSON, and brackets in the name of one. */
  webhookFormMaxFields: 1_000,
  webhookFormMaxDepth: 16,
  /** Webhooks: age of an SNS message, which keeps its time while it is sent again. */
  webhookSnsToleranceMs: 24 * 60 * 60_000,
  /** Webhooks: a public key or certificate of a provider: its size, time to fetch it, how long it is used, how many are kept. */
  webhookPublicKeyMaxBytes: 16 * 1024,
  webhookPublicKeyTimeoutMs: 3_000,
  webhookPublicKeyMaxAgeMs: 24 * 60 * 60_000,
  webhookPublicKeysKept: 100,
  /** Webhooks: fetches of public keys in one minute; what is beyond is asked to come again. */
  webhookPublicKeyFetchesPerMinute: 30,
  /** Segment: length of a messageId (Segment HTTP API: 100 characters). */
  segmentMessageIdMaxLength: 100,
  /** Gateway: event ids remembered per stream; an older repeat is written again, and the table drops it. */
  gatewayRememberedIds: 100_000,
  /** API of runs: bytes of a request's body, requests in work at once, and the wait that a refused one is told, ms. */
  apiBodyMaxBytes: 64 * 1024,
  apiMaxInFlight: 64,
  apiBusyRetryAfterMs: 1_000,
  /** API of runs: time in which Temporal has to answer, ms. */
  apiTemporalMaxMs: 8_000,
  /** Identity tokens: time that an issuer's keys may take to come, and by which its clock may differ. */
  oidcFetchMaxMs: 5_000,
  oidcClockToleranceMs: 30_000,
  /** Inbox: an open segment is sealed at this age or size. */
  inboxSegmentMaxAgeMs: 100,
  inboxSegmentMaxBytes: 32 * 1024 * 1024,
  /** Inbox: free disk below which the gateway answers 503. */
  inboxMinFreeBytes: 64 * 1024 * 1024,
  /** Inbox: how often the free disk is looked up while requests arrive. */
  inboxDiskCheckEveryMs: 1_000,
  /** Inbox: a waiting reader looks for sealed segments at least this often. */
  inboxPollEveryMs: 500,
  /** Inbox: first and further rounds in which a worker removes segments past their retention. */
  inboxPruneFirstMs: 15_000,
  inboxPruneEveryMs: 60 * 60_000,
  /** Inbox: bytes of segments that one micro-batch of a stream drains; at least one segment. */
  inboxDrainMaxBytes: 64 * 1024 * 1024,
} as const;
