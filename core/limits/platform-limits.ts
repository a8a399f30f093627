/** The part of `limits` that platforms and schedulers meet: records and files that they push, and what they poll. */
export const platformLimits = {
  /** Push: a body of records after decompression, and its records. */
  pushBodyMaxBytes: 8 * 1024 * 1024,
  pushMaxRecords: 10_000,
  /** Push: records with a problem that an answer names; of more it has the number. */
  pushNamedProblems: 20,
  /** Push: a file as sent, and after decompression. */
  pushFileMaxBytes: 2 * 1024 * 1024 * 1024,
  /** Push: time in which a file has to be whole, and files of one stream in work at once before 429. */
  pushFileTimeoutMs: 15 * 60_000,
  pushFilesMaxInFlight: 4,
  /** Push: a file goes on to the inbox in parts that end when they pass this size. */
  pushPartBytes: 1024 * 1024,
  /** Push: length of an idempotency key, and of the name of a file. */
  pushKeyMaxLength: 256,
  /** Poll: runs of one page where no number is given, and at most. */
  pollDefaultRuns: 100,
  pollMaxRuns: 500,
  /** Poll: a reader that has seen all begins this much earlier the next time, for runs whose end is recorded late. */
  pollOverlapMs: 5 * 60_000,
  /** Hooks: of one caller, and length of a target's address. */
  hooksMaxPerCaller: 50,
  hookUrlMaxLength: 2_048,
  /** Hooks: a delivery has this long to be answered; runs or alarms that a list of samples has. */
  hookTimeoutMs: 10_000,
  hookSamples: 3,
  /** Hooks: how often the gateway looks for what waits; after how long one look begins nothing more; who looks keeps others away for. */
  hookLookEveryMs: 2_000,
  hookLookMaxMs: 15_000,
  hookLeaseMs: 30_000,
  /** Hooks: of one look, hooks that are told beside each other, and events of each. */
  hookLookHooks: 16,
  hookLookEvents: 50,
  /** Hooks: wait of an event before its first repeat, at most, and how long it is tried; longest wait of a hook that fails. */
  hookRetryMinMs: 5_000,
  hookRetryMaxMs: 60 * 60_000,
  hookGiveUpMs: 24 * 60 * 60_000,
  hookPauseMaxMs: 5 * 60_000,
} as const;
