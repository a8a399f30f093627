/** The part of `limits` that checks of batches, anomalies and alarms have. */
export const alarmLimits = {
  /** Checks: different values of one batch that a reference may have, and how many of them one query asks for. */
  checkMaxReferences: 200_000,
  checkReferencesPerQuery: 1_000,
  /** Anomalies: values or classes of values that a column's distribution is kept of; how long batches are remembered. */
  profileMaxBins: 64,
  profileKeepMs: 400 * 24 * 60 * 60_000,
  /** Alarms: one POST or e-mail of a notice; characters of a message, and of what PagerDuty shows as its title. */
  alarmTimeoutMs: 10_000,
  alarmTextMaxLength: 2_000,
  alarmSummaryMaxLength: 1_024,
  /** Alarms: how often a worker looks for notices to send, ended runs and late tables; how long it has the lease for it. */
  alarmLookEveryMs: 2_000,
  alarmLeaseMs: 60_000,
  /** Alarms: notices and ended runs of one look; time that one look may spend with a sink. */
  alarmLookNotices: 50,
  alarmLookRuns: 500,
  alarmSinkMaxMs: 30_000,
  /** Alarms: shortest and longest wait before a notice is tried again, and when it is given up. */
  alarmRetryMinMs: 5_000,
  alarmRetryMaxMs: 5 * 60_000,
  alarmGiveUpMs: 3 * 24 * 60 * 60_000,
  /** Alarms: a run whose end becomes known later than this raises none; alarms that are over are kept so long. */
  alarmRunMaxAgeMs: 24 * 60 * 60_000,
  alarmKeepMs: 90 * 24 * 60 * 60_000,
} as const;
