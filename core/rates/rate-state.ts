/** At most so many units (requests, or points of a cost) in any span of `perMs`. */
export interface RateRule {
  readonly units: number;
  readonly perMs: number;
}

/** What an answer tells of a limit. */
export interface RateTelling {
  /** Limits by count and time span. */
  readonly rules?: readonly RateRule[];
  /** What is left until the limit starts anew. */
  readonly remaining?: number;
  /** What there is each time it has started anew. */
  readonly limit?: number;
  readonly resetsInMs?: number;
}

/** What a reader tells of the units that it was granted. */
export interface RateReport {
  /** Requests that were answered: what was set aside for each, what it cost, and how long ago its answer came. */
  readonly used: readonly { readonly reserved: number; readonly units: number; readonly ageMs: number }[];
  /** Units that it gives back. */
  readonly unused: number;
  /** The newest telling, and how long ago it came. */
  readonly telling?: RateTelling & { readonly ageMs: number };
  /** The provider asked to wait so long: everybody does. */
  readonly heldMs?: number;
}

/** What a reader needs now, and how much it would take. */
export interface RateAsk {
  readonly units: number;
  readonly want: number;
  readonly sliceMs: number;
}

/** One exchange of a reader with its budget. */
export interface RateTurn {
  /** The reader: each one has a name of its own. */
  readonly holder: string;
  readonly dag: string;
  /** Limits that the connection or its connector declares; they take the place of learned ones. */
  readonly rules?: readonly RateRule[];
  readonly report?: RateReport;
  readonly ask?: RateAsk;
}

/** `granted` units, or none and the times to wait. */
export interface RateAnswer {
  readonly granted: number;
  /** Nothing is known of the limit yet, and others wait for what the answer to this one request tells. */
  readonly isProbe: boolean;
  /** After this it should ask again. */
  readonly askAgainMs: number;
  /** Before this nothing becomes free, as far as is known. */
  readonly freeInMs: number;
}

/** A limit with what was spent of it: times at which units come back. */
export interface RuleState extends RateRule {
  readonly spent: readonly { readonly untilMs: number; readonly units: number }[];
}

/** Units that a reader holds: granted and not accounted for. */
export interface RateSlice {
  readonly holder: string;
  readonly dag: string;
  readonly units: number;
  readonly untilMs: number;
}

export interface RateWaiter extends RateSlice {
  readonly sinceMs: number;
}

/** What is kept of a budget; times are those of the store that keeps it. */
export interface RateBudgetState {
  readonly rules: readonly RuleState[];
  readonly isDeclared: boolean;
  /** An answer has come: what it told, or that it told nothing. */
  readonly isKnown: boolean;
  readonly told?: {
    readonly remaining: number;
    readonly limit?: number;
    readonly resetsAtMs?: number;
    readonly atMs: number;
  };
  readonly heldUntilMs?: number;
  readonly slices: readonly RateSlice[];
  readonly waiters: readonly RateWaiter[];
  /** What each DAG was served, on the common scale of `clock`. */
  readonly dags: readonly { readonly dag: string; readonly start: number; readonly finish: number }[];
  readonly clock: number;
}

/** A budget as people see it. */
export interface RateView {
  readonly rules: readonly (RateRule & { readonly free: number })[];
  readonly isDeclared: boolean;
  readonly remaining?: number;
  readonly resetsAtMs?: number;
  readonly heldUntilMs?: number;
  readonly held: number;
  readonly waiting: readonly { readonly dag: string; readonly readers: number }[];
}

/** Names a budget: the connection, the provider's account (its host), and which of its limits. */
export interface RateBudgetKey {
  readonly connection: string;
  readonly account: string;
  readonly bucket: string;
}

/** Budgets that all workers share. */
export interface RateBudgets {
  turn(key: RateBudgetKey, turn: RateTurn): Promise<RateAnswer>;
  views(connection: string): Promise<readonly (RateBudgetKey & RateView)[]>;
}
