import type { ErrorDefinition } from './definition.js';

/** Errors of the staging store. */
export const stagingErrors = {
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
  STAGING_KEY_MISSING: {
    kind: 'SecurityError',
    retryable: false,
    message:
      'Staged file {uri} is encrypted with key "{keyId}", which is not among security.keys of this process. Give every worker the same keys, and keep a former key until the retention of staging is over.',
  },
  STAGING_REFUSED: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'Staging at {url} cannot be used: {reason}. Correct the staging settings, the bucket or its access rights.',
  },
  STAGING_UNAVAILABLE: {
    kind: 'SourceError',
    retryable: true,
    message: 'Staging at {url} does not answer: {reason}. The task continues by itself.',
  },
} as const satisfies Record<string, ErrorDefinition>;
