import type { ErrorDefinition } from './definition.js';

/** The part of the catalogue about tasks and the runs that they belong to. */
export const taskErrors = {
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
  ELEMENT_INVALID: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Task "{taskId}" cannot read what its element "{label}" names: {problem}. Map over elements that have what "fromElement" names.',
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
} as const satisfies Record<string, ErrorDefinition>;
