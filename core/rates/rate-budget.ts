import { limits } from '../limits.js';
import type {
  RateAnswer,
  RateAsk,
  RateBudgetState,
  RateReport,
  RateRule,
  RateSlice,
  RateTelling,
  RateTurn,
  RateView,
  RateWaiter,
  RuleState,
} from './rate-state.js';

type Told = NonNullable<RateBudgetState['told']>;
type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/**
 * The decisions of one rate budget that several readers share.
 *
 * **Never over the limit.** A unit is taken from its grant until `perMs` after its answer came, so no span of `perMs` sees
 * more than `units` requests, wherever the provider's own spans begin. A reader that dies has its slice counted as spent
 * when it ends.
 *
 * **Fair between DAGs** by start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair Queueing", 1996): a DAG that waits
 * has the place of what it was served before, a DAG that was idle earns nothing by that, and what is free is first set aside
 * for those who are ahead.
 */
export class RateBudget {
  #rules: readonly RuleState[];
  #isDeclared: boolean;
  #isKnown: boolean;
  #told: Told | undefined;
  #heldUntilMs: number | undefined;
  readonly #slices: Map<string, RateSlice>;
  readonly #waiters: Map<string, RateWaiter>;
  readonly #dags: Map<string, { start: number; finish: number }>;
  #clock: number;

  constructor(state: RateBudgetState | undefined) {
    this.#rules = state?.rules ?? [];
    this.#isDeclared = state?.isDeclared ?? false;
    this.#isKnown = state?.isKnown ?? false;
    this.#told = state?.told;
    this.#heldUntilMs = state?.heldUntilMs;
    this.#slices = new Map(state?.slices.map((slice) => [slice.holder, slice]));
    this.#waiters = new Map(state?.waiters.map((waiter) => [waiter.holder, waiter]));
    this.#dags = new Map(state?.dags.map(({ dag, start, finish }) => [dag, { start, finish }]));
    this.#clock = state?.clock ?? 0;
  }

  get state(): RateBudgetState {
    return {
      rules: this.#rules,
      isDeclared: this.#isDeclared,
      isKnown: this.#isKnown,
      ...(this.#told !== undefined && { told: this.#told }),
      ...(this.#heldUntilMs !== undefined && { heldUntilMs: this.#heldUntilMs }),
      slices: [...this.#slices.values()],
      waiters: [...this.#waiters.values()],
      dags: [...this.#dags].map(([dag, served]) => ({ dag, ...served })),
      clock: this.#clock,
    };
  }

  /** Takes a reader's report, then decides what it is granted. @param nowMs - by the clock of the store; never goes back */
  turn({ holder, dag, rules, report, ask }: RateTurn, nowMs: number): RateAnswer {
    this.#pass(nowMs);
    this.#declare(rules);
    const isActive = [...this.#waiters.values(), ...this.#slices.values()].some((one) => one.dag === dag);
    if (ask !== undefined) this.#enter(dag, isActive);
    if (report !== undefined) this.#settle(holder, report, nowMs);
    const answer = ask === undefined ? nothing : this.#grant(holder, dag, ask, nowMs);
    if (ask === undefined) this.#waiters.delete(holder);
    this.#forgetServed();
    return answer;
  }

  view(nowMs: number): RateView {
    this.#pass(nowMs);
    const waiting = new Map<string, number>();
    for (const { dag } of this.#waiters.values()) waiting.set(dag, (waiting.get(dag) ?? 0) + 1);
    return {
      rules: this.#rules.map((rule) => ({
        units: rule.units,
        perMs: rule.perMs,
        free: Math.max(0, this.#freeOf(rule)),
      })),
      isDeclared: this.#isDeclared,
      ...(this.#told !== undefined && { remaining: Math.max(0, this.#told.remaining) }),
      ...(this.#told?.resetsAtMs !== undefined && { resetsAtMs: this.#told.resetsAtMs }),
      ...(this.#heldUntilMs !== undefined && { heldUntilMs: this.#heldUntilMs }),
      held: this.#held,
      waiting: [...waiting].map(([dag, readers]) => ({ dag, readers })),
    };
  }

  get #held(): number {
    return sum([...this.#slices.values()].map(({ units }) => units));
  }

  /** What time has changed. */
  #pass(nowMs: number): void {
    for (const slice of this.#slices.values()) {
      if (slice.untilMs > nowMs) continue;
      this.#slices.delete(slice.holder);
      this.#spend(slice.units, slice.untilMs);
      this.#take(slice.units);
    }
    for (const { holder, untilMs } of this.#waiters.values())
      if (untilMs <= nowMs) this.#waiters.delete(holder);
    this.#rules = this.#rules.map((rule) => ({
      ...rule,
      spent: rule.spent.filter(({ untilMs }) => untilMs > nowMs),
    }));
    if (this.#heldUntilMs !== undefined && this.#heldUntilMs <= nowMs) this.#heldUntilMs = undefined;
    const told = this.#told;
    if (told?.resetsAtMs !== undefined && told.resetsAtMs <= nowMs)
      this.#told =
        told.limit === undefined
          ? undefined
          : { remaining: told.limit, limit: told.limit, atMs: told.resetsAtMs };
    // The limit as it should be after it started anew is used up, and no answer has told of it since.
    else if (told !== undefined && told.resetsAtMs === undefined && told.remaining <= 0) {
      if (this.#slices.size === 0) this.#told = undefined;
    }
  }

  #declare(rules: readonly RateRule[] | undefined): void {
    if (rules !== undefined) this.#adopt(rules);
    else if (this.#isDeclared) this.#rules = [];
    this.#isDeclared = rules !== undefined;
  }

  #adopt(rules: readonly RateRule[]): void {
    this.#rules = rules.map(({ units, perMs }) => ({
      units,
      perMs,
      spent: this.#rules.find((known) => known.perMs === perMs)?.spent ?? [],
    }));
  }

  #settle(holder: string, { used, unused, telling, heldMs }: RateReport, nowMs: number): void {
    if (telling !== undefined) this.#learn(telling, nowMs - telling.ageMs);
    if (used.length > 0) this.#isKnown = true;
    if (heldMs !== undefined) this.#heldUntilMs = Math.max(this.#heldUntilMs ?? 0, nowMs + heldMs);
    const slice = this.#slices.get(holder);
    // One that has lapsed is counted as spent already.
    if (slice === undefined) return;
    for (const { units, ageMs } of used) {
      this.#spend(units, nowMs - ageMs);
      if (this.#told !== undefined && nowMs - ageMs > this.#told.atMs) this.#take(units);
    }
    const left = slice.units - unused - sum(used.map(({ reserved }) => reserved));
    if (left > 0) this.#slices.set(holder, { ...slice, units: left });
    else this.#slices.delete(holder);
    const served = this.#servedOf(slice.dag);
    served.finish -= unused;
    served.start -= unused;
  }

  #learn(telling: RateTelling, atMs: number): void {
    const { rules, remaining, limit, resetsInMs } = telling;
    this.#isKnown = true;
    if (rules !== undefined && !this.#isDeclared) this.#adopt(rules);
    if (remaining === undefined || resetsInMs === undefined) return;
    if (this.#told !== undefined && this.#told.atMs >= atMs) return;
    const resetsAtMs = atMs + resetsInMs;
    this.#told = { remaining, ...(limit !== undefined && { limit }), resetsAtMs, atMs };
  }

  /** Counts units that reached the provider at this time at the latest. */
  #spend(units: number, atMs: number): void {
    this.#rules = this.#rules.map((rule) => {
      const stepMs = Math.max(1, Math.floor(rule.perMs / limits.rateSpentSteps));
      const untilMs = Math.ceil((atMs + rule.perMs + limits.rateLimitMarginMs) / stepMs) * stepMs;
      const same = rule.spent.find((spent) => spent.untilMs === untilMs);
      const others = rule.spent.filter((spent) => spent !== same);
      return { ...rule, spent: [...others, { untilMs, units: units + (same?.units ?? 0) }] };
    });
  }

  #take(units: number): void {
    const told: Mutable<Told> | undefined = this.#told && { ...this.#told };
    if (told === undefined) return;
    told.remaining -= units;
    this.#told = told;
  }

  #freeOf(rule: RuleState): number {
    return rule.units - this.#held - sum(rule.spent.map(({ units }) => units));
  }

  #isProbing(): boolean {
    return !this.#isKnown && this.#rules.length === 0;
  }

  #capacity(need: number, nowMs: number): number {
    if (this.#heldUntilMs !== undefined && this.#heldUntilMs > nowMs) return 0;
    if (this.#isProbing()) return this.#slices.size === 0 ? need : 0;
    return Math.min(
      ...this.#rules.map((rule) => this.#freeOf(rule)),
      this.#told === undefined ? Number.POSITIVE_INFINITY : this.#told.remaining - this.#held,
    );
  }

  #grant(holder: string, dag: string, { units, want, sliceMs }: RateAsk, nowMs: number): RateAnswer {
    // What costs more than there ever is goes when all of it is there.
    const need = Math.min(units, ...this.#rules.map((rule) => rule.units), this.#told?.limit ?? units);
    const served = this.#servedOf(dag);
    const sinceMs = this.#waiters.get(holder)?.sinceMs ?? nowMs;
    this.#waiters.set(holder, {
      holder,
      dag,
      units: need,
      sinceMs,
      untilMs: nowMs + limits.rateWaiterMs,
    });
    const capacity = this.#capacity(need, nowMs);
    const free = capacity - this.#aheadOf(holder, dag);
    if (free < need) return this.#refuse(need, nowMs);
    const isProbe = this.#isProbing();
    const granted = isProbe ? need : Math.max(need, Math.min(want, free, this.#shareOf(dag, capacity)));
    this.#waiters.delete(holder);
    this.#clock = Math.max(this.#clock, served.start);
    served.finish = served.start + granted;
    served.start = served.finish;
    const held = this.#slices.get(holder)?.units ?? 0;
    this.#slices.set(holder, { holder, dag, units: held + granted, untilMs: nowMs + sliceMs });
    return { ...nothing, granted, isProbe };
  }

  #servedOf(dag: string): { start: number; finish: number } {
    const served = this.#dags.get(dag) ?? { start: 0, finish: 0 };
    this.#dags.set(dag, served);
    return served;
  }

  /** A DAG that was idle starts where the others are, at least; one that waits or holds units keeps its place. */
  #enter(dag: string, isActive: boolean): void {
    const served = this.#servedOf(dag);
    if (!isActive) served.start = Math.max(this.#clock, served.finish);
  }

  /** Units that are set aside: of each DAG ahead for the reader that is next, of its own for all that came before. */
  #aheadOf(holder: string, dag: string): number {
    const inOrder = [...this.#waiters.values()].sort(
      (a, b) => a.sinceMs - b.sinceMs || compare(a.holder, b.holder),
    );
    const own = inOrder.filter((waiter) => waiter.dag === dag);
    const before = own.slice(
      0,
      own.findIndex((waiter) => waiter.holder === holder),
    );
    const rank = (name: string): [number, number] => [
      this.#dags.get(name)?.start ?? 0,
      inOrder.findIndex((waiter) => waiter.dag === name),
    ];
    const [ownStart, ownPlace] = rank(dag);
    const firsts = [...new Map([...inOrder].reverse().map((waiter) => [waiter.dag, waiter])).values()];
    const ahead = firsts.filter((waiter) => {
      const [start, place] = rank(waiter.dag);
      return waiter.dag !== dag && (start < ownStart || (start === ownStart && place < ownPlace));
    });
    return sum([...before, ...ahead].map(({ units }) => units)) + this.#behind(ownStart);
  }

  /**
   * DAGs that hold units and do not wait just now, but are more than a whole limit behind: one unit is kept for each, or else
   * those with many readers, of whom one always waits, would have all that becomes free while a single reader is at work.
   */
  #behind(start: number): number {
    const patience = Math.min(...this.#rules.map(({ units }) => units));
    const waiting = new Set([...this.#waiters.values()].map(({ dag }) => dag));
    const holding = new Set([...this.#slices.values()].map(({ dag }) => dag));
    return [...holding].filter(
      (dag) => !waiting.has(dag) && (this.#dags.get(dag)?.start ?? 0) + patience < start,
    ).length;
  }

  /**
   * Units with which a DAG would be where the others that wait are, if all of them were given what there is: most for those
   * that were served least.
   */
  #shareOf(dag: string, capacity: number): number {
    const startOf = (name: string): number => this.#dags.get(name)?.start ?? 0;
    const starts = [...new Set([...this.#waiters.values()].map((waiter) => waiter.dag))]
      .map(startOf)
      .sort((a, b) => a - b);
    let level = Number.POSITIVE_INFINITY;
    for (let count = starts.length; count > 0; count -= 1) {
      level = (capacity + sum(starts.slice(0, count))) / count;
      if (level >= (starts[count - 1] ?? 0)) break;
    }
    return Math.floor(level - startOf(dag));
  }

  #refuse(need: number, nowMs: number): RateAnswer {
    const freeInMs = Math.max(0, this.#freeAtMs(need, nowMs) - nowMs);
    const askAgainMs = Math.min(Math.max(freeInMs, limits.rateAskMinMs), limits.rateAskMaxMs);
    return { ...nothing, askAgainMs, freeInMs };
  }

  /** Before this no unit comes back; a slice may be given back sooner, so as long as there are any it is now. */
  #freeAtMs(need: number, nowMs: number): number {
    if (this.#heldUntilMs !== undefined) return this.#heldUntilMs;
    if (this.#slices.size > 0) return nowMs;
    const ofRules = this.#rules
      .filter((rule) => this.#freeOf(rule) < need)
      .map(({ spent }) => Math.min(...spent.map(({ untilMs }) => untilMs)));
    const told = this.#told;
    const ofTold = told !== undefined && told.remaining < need ? (told.resetsAtMs ?? nowMs) : nowMs;
    return Math.max(nowMs, ofTold, ...ofRules.filter(Number.isFinite));
  }

  #forgetServed(): void {
    const active = new Set([...this.#waiters.values(), ...this.#slices.values()].map(({ dag }) => dag));
    for (const [dag, { finish }] of this.#dags)
      if (finish <= this.#clock && !active.has(dag)) this.#dags.delete(dag);
  }
}

const nothing: RateAnswer = { granted: 0, isProbe: false, askAgainMs: 0, freeInMs: 0 };

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
