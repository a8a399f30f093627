import type { ErrorDefinition } from './definition.js';

/** The part of the catalogue about identity graphs. */
export const identityErrors = {
  IDENTITY_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'The sources of identity task "{task}" do not fit the warehouse: {problems}. Correct the task, or the loads before it.',
  },
  IDENTITY_TOO_LARGE: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Identity task "{task}" would hold more than {allowed} {what} in memory ({limit}). Nothing was changed. Leave out a source or a type of identifier, or block values that many people share.',
  },
  IDENTITY_NOT_FOUND: {
    kind: 'ConfigError',
    retryable: false,
    message: 'There is no {what}. {hint}',
  },
  IDENTITY_REBUILD_FAILED: {
    kind: 'ContractError',
    retryable: false,
    message: 'Identity graph "{into}" could not be resolved: {reason}',
  },
  IDENTITY_SPLIT_FAILED: {
    kind: 'ContractError',
    retryable: false,
    message: 'Merge "{merge}" could not be split: {reason}',
  },
} as const satisfies Record<string, ErrorDefinition>;
