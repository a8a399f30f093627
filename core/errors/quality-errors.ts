import type { ErrorDefinition } from './definition.js';

/** The part of the catalogue about checks, anomalies and alarms. */
export const qualityErrors = {
  ALARM_NOT_SENT: {
    kind: 'SourceError',
    retryable: true,
    message:
      'The alarm sink "{sink}" did not take a notice: {reason}. It is tried again; "millrace alarms test" shows whether it works.',
  },
} as const satisfies Record<string, ErrorDefinition>;
