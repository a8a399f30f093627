import { connectionErrors } from './connection-errors.js';
import type { ErrorDefinition } from './definition.js';
import { gatewayErrors } from './gateway-errors.js';
import { identityErrors } from './identity-errors.js';
import { qualityErrors } from './quality-errors.js';
import { sourceErrors } from './source-errors.js';
import { stagingErrors } from './staging-errors.js';
import { taskErrors } from './task-errors.js';
import { warehouseErrors } from './warehouse-errors.js';

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
  ...taskErrors,
  ...qualityErrors,
  ...identityErrors,
  ...connectionErrors,
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
  ...warehouseErrors,
  ...stagingErrors,
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
  ...gatewayErrors,
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
    message: 'The operations store {place} cannot be used: {reason}. {hint}',
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
