/** The part of `limits` that schedules and their watches have. */
export const scheduleLimits = {
  /** Schedules: calendars and exclusions of one; fire times in a row that may be excluded. */
  scheduleMaxCalendars: 200,
  scheduleMaxExcluded: 20_000,
  /** Deploy: years ahead for which a server's times around clock changes are compared, and corrections of one schedule. */
  scheduleClockYears: 5,
  /** Deploy: a cron schedule that was written longer ago gets its times again, changed or not. */
  scheduleRenewAfterMs: 365 * 24 * 60 * 60_000,
  scheduleMaxCorrections: 500,
  /** Deploy: pages of a server's times around one clock change, rounds of correction, tries until a new schedule answers. */
  scheduleProbePages: 4,
  scheduleProbeRounds: 5,
  scheduleProbeMaxTries: 100,
  /** Watch of a schedule: a fire time may be late by this before it is looked at, beyond its jitter. */
  scheduleGraceMs: 5_000,
  /** Watch: a missing run is looked for again after this before it counts. */
  scheduleConfirmMs: 5_000,
  /** Watch: shortest and longest time between two looks. */
  scheduleLookMinMs: 5_000,
  scheduleLookMaxMs: 5 * 60_000,
  /** Watch: a look whose worker is silent for so long is made again elsewhere. */
  watchHeartbeatMs: 15_000,
  /** Watch: fire times of one look; missing runs of one look that are looked up one by one; gaps that are looked at again. */
  scheduleLookIntervals: 300,
  scheduleLookSingly: 50,
  scheduleLookGaps: 5,
  /** Watch: gaps, pauses, unsent notices and counted runs that are kept for one DAG. */
  gapsPerDag: 100,
  pausesPerDag: 50,
  alarmOutbox: 50,
  countedRunsPerDag: 200,
  /** Watch: events in its history after which it continues as new; one round adds up to 900. */
  watchHistoryEvents: 3_000,
  /** Watch: pages of one round. */
  scheduleLookPages: 70,
  /** Resume: a run that was due in the very moment is looked for this long and this often, well within `scheduleGraceMs`. */
  resumeConfirmMs: 2_000,
  resumeConfirmEveryMs: 100,
  /** Intervals of a gap that are named when a DAG is resumed. */
  gapSamples: 20,
} as const;
