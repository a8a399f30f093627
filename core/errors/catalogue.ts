import type { ErrorDefinition } from './definition.js';
import { sourceErrors } from './source-errors.js';

/**
 * Every error that Millrace raises on purpose. `docs/reference/errors.md` is generated from this table.
 * A message says what happened, to which object, and what to do; `{name}` is filled from the error's context.
 */
export const catalogue = {
  CONFIG_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message: 'The configuration is not valid: {problems}. Correct these settings and start again.',
  },
  DAG_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message: 'DAG "{dagId}" cannot be built: {problems}.',
  },
  DAG_NOT_FOUND: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'There is no deployed DAG "{dagId}". Known: {known}. Run "millrace deploy" first, or correct the id.',
  },
  HISTORY_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message: 'History file {file} cannot be read: {reason}. Download it again as JSON from the Temporal UI.',
  },
  PARAMS_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message: 'The parameters do not fit DAG "{dagId}": {problems}. Nothing was started.',
  },
  DAG_FILE_FAILED: {
    kind: 'ConfigError',
    retryable: false,
    message: 'DAG file {file} did not load: {reason}. Correct the file; no DAG was deployed.',
  },
  FUNCTION_MISSING: {
    kind: 'ConfigError',
    retryable: true,
    message:
      'This worker has no function for task "{dagId}/{taskId}". Start a worker whose dags folder holds the version that the run started with.',
  },
  MAPPING_INVALID: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Task "{taskId}" cannot be mapped: {problem}. Return a list from the task that it is mapped over.',
  },
  BRANCH_UNKNOWN: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Branch "{taskId}" chose {chosen}, which is not directly after it. Return one of: {known}; or null to skip all.',
  },
  RESULT_INVALID: {
    kind: 'ContractError',
    retryable: false,
    message: 'The function of task "{taskId}" returned {actual}; return {expected}.',
  },
  TASK_SKIPPED: {
    kind: 'ContractError',
    retryable: false,
    message: 'Task "{taskId}" skipped itself: {reason}.',
  },
  TASK_FAILED: {
    kind: 'ContractError',
    retryable: false,
    message: 'Task "{taskId}" gave up: {reason}. It is not tried again.',
  },
  TASK_ERROR: {
    kind: 'ContractError',
    retryable: true,
    message: 'Task "{taskId}" threw: {reason}. It is tried again while it has retries left.',
  },
  NOT_YET: {
    kind: 'SourceError',
    retryable: true,
    message: 'What task "{taskId}" waits for does not hold yet. It looks again by itself.',
  },
  RUN_TIMEOUT: {
    kind: 'LimitError',
    retryable: false,
    message: 'The run of "{dagId}" took over {timeoutMs} ms, its dagrunTimeout. Raise it, or clear the run.',
  },
  UPSTREAM_RUN_FAILED: {
    kind: 'ContractError',
    retryable: false,
    message: '{what} ended as {state}, so task "{taskId}" cannot succeed. Clear that run, then this task.',
  },
  UPSTREAM_MISSING: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Task "{taskId}" handed on no rows in this run. Run it too: choose it with its downstream tasks, or clear upstream.',
  },
  RUN_HISTORY_GONE: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'What run "{id}" has done cannot be read: {reason}. Run all of it anew: "millrace dag trigger" with its interval, or "millrace backfill create" with --reprocess completed.',
  },
  FORMER_RUN_MISSING: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Task "{taskId}" of run "{id}" needs what {missing} handed on, and there is no former run that has it. Choose these tasks too (--upstream), or run the whole interval.',
  },
  APPROVAL_REFUSED: {
    kind: 'ContractError',
    retryable: false,
    message: 'Task "{taskId}" was rejected by {by}: {comment}.',
  },
  CONNECTOR_UNKNOWN: {
    kind: 'ConfigError',
    retryable: false,
    message: 'There is no connector "{connector}". Known: {known}.',
  },
  CONNECTION_UNKNOWN: {
    kind: 'ConfigError',
    retryable: false,
    message: 'There is no connection "{connection}" in the configuration. Add it under "connections".',
  },
  SCHEMA_UNKNOWN: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'There is no record schema "{schema}". Known: {known}. Put {schema}.schema.json into the schemas folder.',
  },
  SCHEMA_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message: 'Record schema "{schema}" is not valid: {problems}.',
  },
  IDENTIFIER_REFUSED: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'The {what} name {name} is refused: {reason}. Use letters, digits and underscores, starting with a letter.',
  },
  CONTRACT_BROKEN: {
    kind: 'ContractError',
    retryable: false,
    message: 'The batch for "{table}" breaks its schema contract: {problems}. Nothing was loaded.',
  },
  QUARANTINE_THRESHOLD: {
    kind: 'ContractError',
    retryable: false,
    message:
      '{quarantined} of {extracted} rows of task "{taskId}" failed the check, over the allowed share of {allowed} (the first: {first}). Nothing was loaded; correct the source or raise quarantineOver.',
  },
  TRANSFORM_INVALID: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Transform task "{task}" does not fit the rows that reach it: {problems}. Correct the DAG file and deploy it.',
  },
  COUNT_MISMATCH: {
    kind: 'IntegrityError',
    retryable: false,
    message:
      'The counts of load {loadId} into "{table}" do not add up: {counts}. Nothing was committed; report this.',
  },
  ...sourceErrors,
  WAREHOUSE_UNAVAILABLE: {
    kind: 'WarehouseError',
    retryable: true,
    message: 'Warehouse {warehouse} did not answer: {reason}. The task is tried again by itself.',
  },
  WAREHOUSE_LOCKED: {
    kind: 'WarehouseError',
    retryable: true,
    message: 'Warehouse file {file} is open in process {pid}. Stop that process, or send queries through it.',
  },
  WAREHOUSE_CONFLICT: {
    kind: 'WarehouseError',
    retryable: true,
    message: 'A concurrent change of "{table}" won. The load is tried again by itself.',
  },
  WAREHOUSE_STATEMENT: {
    kind: 'WarehouseError',
    retryable: false,
    message: 'The warehouse refused a statement on "{table}": {reason}.',
  },
  STALE_FENCE: {
    kind: 'WarehouseError',
    retryable: false,
    message:
      'Load of "{table}" for {interval} holds fence {fence}, but {current} is current: another attempt took over. This attempt stops.',
  },
  QUERY_REFUSED: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'The query was refused: {reason}. Only one reading statement (SELECT, WITH, DESCRIBE, SHOW, SUMMARIZE) is allowed.',
  },
  STAGING_MISSING: {
    kind: 'IntegrityError',
    retryable: false,
    message: 'Staged file {uri} is not there. Run the interval again to extract it anew.',
  },
  STAGING_CORRUPT: {
    kind: 'IntegrityError',
    retryable: false,
    message: 'Staged file {uri} does not match its hash. It was set aside; run the interval again.',
  },
  DISK_FULL: {
    kind: 'LimitError',
    retryable: true,
    message: 'No room to write {what}: {reason}. Free disk space; the task continues by itself.',
  },
  LIMIT_EXCEEDED: {
    kind: 'LimitError',
    retryable: false,
    message: '{what} is {actual}, over the limit {limit} ({allowed}).',
  },
  INBOX_LOCKED: {
    kind: 'ConfigError',
    retryable: false,
    message: 'Another gateway writes to inbox {directory}. Stop it, or give this one its own data directory.',
  },
  INBOX_CORRUPT: {
    kind: 'IntegrityError',
    retryable: false,
    message:
      'Inbox segment {segment} does not match the hash in its name. Restore it from a copy, or move it out of the inbox.',
  },
  GATEWAY_REQUEST_INVALID: {
    kind: 'ContractError',
    retryable: false,
    message: 'The request cannot be used: {reason}. Nothing of it was kept; correct it and send it again.',
  },
  GATEWAY_EVENT_INVALID: {
    kind: 'ContractError',
    retryable: false,
    message: 'The event {problem}. It was kept for the quarantine; correct the sender.',
  },
  GATEWAY_EVENT_TOO_LARGE: {
    kind: 'LimitError',
    retryable: false,
    message:
      'The event has {actual} bytes, over segmentEventMaxBytes ({allowed}). It was kept; send smaller events.',
  },
  GATEWAY_WRITE_KEY: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'The write key is missing or unknown. Send it as "writeKey" in the body or as the user name of Basic authentication.',
  },
  GATEWAY_SIGNATURE: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'The signature of the delivery to "{source}" is refused: {reason}. Sign the bytes as sent, with the current secret.',
  },
  GATEWAY_NO_KEY: {
    kind: 'SecurityError',
    retryable: true,
    message: 'The gateway has no key for {what}, so it takes nothing. Set {setting} and start it again.',
  },
  GATEWAY_NOT_FOUND: {
    kind: 'ContractError',
    retryable: false,
    message: 'There is no {what} here. Correct the address, or add the source under gateway.webhooks.',
  },
  GATEWAY_METHOD: {
    kind: 'ContractError',
    retryable: false,
    message: 'This address takes {allowed} only. Send the request with that method.',
  },
  GATEWAY_TIMEOUT: {
    kind: 'LimitError',
    retryable: true,
    message: 'The request was not complete within {allowedMs} ms. Send it again.',
  },
  GATEWAY_LENGTH_REQUIRED: {
    kind: 'ContractError',
    retryable: false,
    message: 'The request has no body length. Send Content-Length, or Transfer-Encoding: chunked.',
  },
  GATEWAY_TOO_LARGE: {
    kind: 'LimitError',
    retryable: false,
    message: '{what} is over {limit} ({allowed}). Nothing of it was kept; send smaller requests.',
  },
  GATEWAY_MEDIA_TYPE: {
    kind: 'ContractError',
    retryable: false,
    message: '{what} is not supported. Send {supported}.',
  },
  GATEWAY_BUSY: {
    kind: 'LimitError',
    retryable: true,
    message: 'Source "{source}" has {allowed} requests in work. Send it again after {retryAfterMs} ms.',
  },
  GATEWAY_UNAVAILABLE: {
    kind: 'LimitError',
    retryable: true,
    message: 'The gateway cannot keep the event now: {reason}. It was not acknowledged; send it again.',
  },
  POOL_UNKNOWN: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'There is no pool "{pool}". Known: {known}. Add it under "pools" in the settings, or make it with "millrace pool set".',
  },
  POOL_TOO_SMALL: {
    kind: 'ConfigError',
    retryable: false,
    message:
      '{what} needs {slots} slots of pool "{pool}", which has {poolSlots}. Lower poolSlots, or make the pool larger.',
  },
  POOL_IN_USE: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'Pool "{pool}" is held by {holding} and awaited by {waiting}. Let them end, or cancel their runs, before you delete it.',
  },
  ASSET_UNDECLARED: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Task "{taskId}" emits an event of asset "{uri}", which is not among its outlets ({known}). Name it under outlets.',
  },
  ASSET_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message: 'The asset cannot be used: {problem}. Nothing was emitted.',
  },
  ASSET_UNKNOWN: {
    kind: 'ConfigError',
    retryable: false,
    message: 'No deployed DAG names asset "{uri}". Known: {known}. Correct the uri, or deploy the DAG first.',
  },
  POOLS_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message: 'The DAGs and the pools do not fit: {problems}. Nothing was deployed.',
  },
  TEMPORAL_UNAVAILABLE: {
    kind: 'ConfigError',
    retryable: false,
    message: 'No Temporal server could be reached or obtained: {reasons}.',
  },
  RUN_NOT_FOUND: {
    kind: 'ConfigError',
    retryable: false,
    message: 'There is no {what} "{id}". List what exists with "{command}".',
  },
  OPS_UNAVAILABLE: {
    kind: 'ConfigError',
    retryable: true,
    message:
      'The operations store {path} cannot be used: {reason}. If the file is damaged, move it away and start again: "millrace run sync" reads the run ledger anew from Temporal.',
  },
  USAGE: {
    kind: 'ConfigError',
    retryable: false,
    message: '{problem}. {hint}',
  },
  INTERNAL: {
    kind: 'InternalError',
    retryable: false,
    message: 'Unexpected failure in {where}: {reason}. This is a bug; report it with the run id.',
  },
} as const satisfies Record<string, ErrorDefinition>;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof catalogue;
