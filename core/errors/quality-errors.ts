import type { ErrorDefinition } from './definition.js';

/** The part of the catalogue about checks, anomalies and alarms. */
export const qualityErrors = {
  CHECK_INVALID: {
    kind: 'ConfigError',
    retryable: false,
    message:
      'The checks of task "{task}" do not fit its rows: {problems}. Correct the checks, or what comes before them.',
  },
  CHECK_FAILED: {
    kind: 'ContractError',
    retryable: false,
    message:
      'Of {rows} rows in task "{task}", too many miss: {failed}. Nothing was loaded. Correct the data, or give these checks another severity, a correction or a greater failOver.',
  },
  ANOMALY_REJECTED: {
    kind: 'ContractError',
    retryable: false,
    message:
      'The batch of task "{task}" was rejected by {by}: {comment}. Nothing was loaded. Correct the source and clear the run, or accept the anomaly.',
  },
  ANOMALY_NOT_FOUND: {
    kind: 'ConfigError',
    retryable: false,
    message: 'There is no anomaly "{id}". See "millrace anomalies list --all".',
  },
  ALARM_NOT_SENT: {
    kind: 'SourceError',
    retryable: true,
    message:
      'The alarm sink "{sink}" did not take a notice: {reason}. It is tried again; "millrace alarms test" shows whether it works.',
  },
} as const satisfies Record<string, ErrorDefinition>;
