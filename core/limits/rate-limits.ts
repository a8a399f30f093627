/** The part of `limits` that rate budgets have. */
export const rateLimits = {
  /** Rate budgets: how long a reader may use what it was granted; what it does not account for until then counts as spent. */
  rateSliceMs: 5_000,
  /** Rate budgets: requests that one reader is granted at a time, at most. */
  rateSliceMaxUnits: 32,
  /** Rate budgets: how soon, and how rarely at most, a reader that waits asks again; one that is silent for longer loses its place. */
  rateAskMinMs: 25,
  rateAskMaxMs: 1_000,
  rateWaiterMs: 15_000,
  /** Rate budgets: parts of a limit's time span in which spent requests are counted together. */
  rateSpentSteps: 20,
  /** Rate budgets: a limit that starts anew later than this is asked again by then. */
  rateResetMaxMs: 24 * 60 * 60_000,
  /** Rate budgets: limits of one connection. */
  rateMaxRules: 4,
  /** Waits for a source that throttles, where the workflow counts the tries of a task because a callback hears of each. */
  throttledMaxWaits: 100,
  /** Repeats within a task: answers that earn one more, beside the first ones of `connectorMaxTries`. */
  repeatEarnedByAnswers: 2,
} as const;
