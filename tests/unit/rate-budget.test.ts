import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limits } from '../../core/limits.js';
import { RateBudget } from '../../core/rates/rate-budget.js';
import type { RateAnswer, RateBudgetState, RateReport, RateTurn } from '../../core/rates/rate-state.js';

/** A budget as a store keeps it: nothing survives a turn but the text of its state. */
class KeptBudget {
  #text = 'null';
  nowMs = 1_000_000;

  turn(turn: RateTurn): RateAnswer {
    const budget = new RateBudget((JSON.parse(this.#text) as RateBudgetState | null) ?? undefined);
    const answer = budget.turn(turn, this.nowMs);
    this.#text = JSON.stringify(budget.state);
    return answer;
  }

  get state(): RateBudgetState {
    return JSON.parse(this.#text) as RateBudgetState;
  }
}

const sliceMs = 300;

/** A reader that always has more to ask: it sends what it was granted, one request at a time, and accounts for it. */
class Reader {
  sent = 0;
  isDead = false;
  #free = 0;
  #validUntilMs = 0;
  #flying: { readonly answersAtMs: number } | undefined;
  #used: { readonly answeredAtMs: number }[] = [];

  constructor(
    readonly holder: string,
    readonly dag: string,
    private readonly budget: KeptBudget,
    private readonly rules: RateTurn['rules'],
    private readonly arrive: (atMs: number) => void,
  ) {}

  step(want: number, latencyMs: number): void {
    if (this.isDead) return;
    const { nowMs } = this.budget;
    if (this.#flying !== undefined) {
      if (this.#flying.answersAtMs > nowMs) return;
      this.#used.push({ answeredAtMs: nowMs });
      this.#flying = undefined;
    }
    if (this.#free > 0 && nowMs < this.#validUntilMs) {
      this.#free -= 1;
      this.sent += 1;
      this.arrive(nowMs + Math.floor(latencyMs / 2));
      this.#flying = { answersAtMs: nowMs + latencyMs };
      return;
    }
    const report: RateReport = {
      used: this.#used.map(({ answeredAtMs }) => ({ reserved: 1, units: 1, ageMs: nowMs - answeredAtMs })),
      unused: this.#free,
    };
    const { granted } = this.budget.turn({
      holder: this.holder,
      dag: this.dag,
      ...(this.rules !== undefined && { rules: this.rules }),
      report,
      ask: { units: 1, want, sliceMs },
    });
    this.#used = [];
    this.#free = granted;
    if (granted > 0) this.#validUntilMs = nowMs + sliceMs;
  }
}

test('no span of a limit sees more requests than it allows, whoever dies and whenever answers come', () => {
  fc.assert(
    fc.property(
      fc.record({
        units: fc.integer({ min: 1, max: 12 }),
        perMs: fc.integer({ min: 20, max: 2_000 }),
        second: fc.option(
          fc.record({ units: fc.integer({ min: 1, max: 30 }), perMs: fc.integer({ min: 500, max: 9_000 }) }),
          { nil: undefined },
        ),
        steps: fc.array(
          fc.record({
            reader: fc.nat(5),
            forMs: fc.nat(120),
            latencyMs: fc.nat(90),
            want: fc.integer({ min: 1, max: 32 }),
            dies: fc.integer({ min: 0, max: 60 }),
          }),
          { minLength: 50, maxLength: 400 },
        ),
      }),
      ({ units, perMs, second, steps }) => {
        const rules = [{ units, perMs }, ...(second === undefined ? [] : [second])];
        const budget = new KeptBudget();
        const arrivals: number[] = [];
        const readers = Array.from(
          { length: 6 },
          (_, index) =>
            new Reader(`reader-${String(index)}`, `dag-${String(index % 3)}`, budget, rules, (atMs) =>
              arrivals.push(atMs),
            ),
        );
        for (const { reader, forMs, latencyMs, want, dies } of steps) {
          budget.nowMs += forMs;
          const who = readers[reader] as Reader;
          who.step(want, latencyMs);
          if (dies === 0 && reader > 0) who.isDead = true;
        }
        arrivals.sort((a, b) => a - b);
        for (const rule of rules)
          for (const [index, atMs] of arrivals.entries()) {
            const inSpan = arrivals.slice(index).filter((other) => other < atMs + rule.perMs);
            expect(inSpan.length).toBeLessThanOrEqual(rule.units);
          }
      },
    ),
    { numRuns: 300 },
  );
});

test('DAGs that share a limit are served alike, however many readers each has and how much they want', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 4 }),
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.nat(1_000), { minLength: 64, maxLength: 64 }),
      (readersOf, units, order) => {
        const budget = new KeptBudget();
        const rules = [{ units, perMs: 400 }];
        const readers = readersOf.flatMap((count, dag) =>
          Array.from(
            { length: count },
            (_, index) =>
              new Reader(
                `${String(dag)}-${String(index)}`,
                `dag-${String(dag)}`,
                budget,
                rules,
                () => undefined,
              ),
          ),
        );
        for (let round = 0; round < 600; round += 1) {
          budget.nowMs += 20;
          const shuffled = readers
            .map((reader, index) => ({
              reader,
              by: (order[(round + index) % order.length] ?? 0) * (index + 1),
            }))
            .sort((a, b) => a.by - b.by);
          for (const { reader } of shuffled) reader.step(32, 10);
        }
        const sent = readersOf.map((_, dag) =>
          readers
            .filter((reader) => reader.dag === `dag-${String(dag)}`)
            .reduce((sum, reader) => sum + reader.sent, 0),
        );
        expect(Math.min(...sent)).toBeGreaterThan(0);
        expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(4 * units);
      },
    ),
    { numRuns: 12, examples: [[[2, 1], 3, [0, 28, 0, 10, ...Array<number>(60).fill(0)]]] },
  );
});

test('a DAG that was idle does not make the others wait for what it did not use', () => {
  const budget = new KeptBudget();
  const rules = [{ units: 4, perMs: 1_000 }];
  const busy = new Reader('busy', 'busy', budget, rules, () => undefined);
  const late = new Reader('late', 'late', budget, rules, () => undefined);
  for (let round = 0; round < 1_000; round += 1) {
    budget.nowMs += 20;
    busy.step(4, 10);
  }
  const before = busy.sent;
  for (let round = 0; round < 1_000; round += 1) {
    budget.nowMs += 20;
    late.step(4, 10);
    busy.step(4, 10);
  }
  expect(Math.abs(busy.sent - before - late.sent)).toBeLessThanOrEqual(8);
});

const ask = { units: 1, want: 32, sliceMs };
const used = (count: number) => Array.from({ length: count }, () => ({ reserved: 1, units: 1, ageMs: 0 }));

test('the slice of a reader that died comes back', () => {
  const budget = new KeptBudget();
  const rules = [{ units: 5, perMs: 1_000 }];
  expect(budget.turn({ holder: 'dead', dag: 'a', rules, ask }).granted).toBe(5);
  expect(budget.turn({ holder: 'next', dag: 'a', rules, ask }).granted).toBe(0);
  budget.nowMs += sliceMs;
  // It may have been used to its last moment.
  expect(budget.turn({ holder: 'next', dag: 'a', rules, ask }).granted).toBe(0);
  budget.nowMs += 1_000 + 2 * limits.rateLimitMarginMs + 1_000 / limits.rateSpentSteps;
  expect(budget.turn({ holder: 'next', dag: 'a', rules, ask }).granted).toBe(5);
});

test('what is given back is there for others at once', () => {
  const budget = new KeptBudget();
  const rules = [{ units: 5, perMs: 60_000 }];
  budget.turn({ holder: 'one', dag: 'a', rules, ask });
  budget.turn({ holder: 'one', dag: 'a', rules, report: { used: used(2), unused: 3 } });
  expect(budget.turn({ holder: 'two', dag: 'b', rules, ask }).granted).toBe(3);
});

test('of a limit that nobody knows one request goes ahead, and what its answer tells binds all', () => {
  const budget = new KeptBudget();
  expect(budget.turn({ holder: 'first', dag: 'a', ask })).toMatchObject({ granted: 1, isProbe: true });
  expect(budget.turn({ holder: 'second', dag: 'b', ask }).granted).toBe(0);
  const telling = { remaining: 3, limit: 4, resetsInMs: 10_000, ageMs: 0 };
  budget.turn({ holder: 'first', dag: 'a', report: { used: used(1), unused: 0, telling } });
  expect(budget.turn({ holder: 'second', dag: 'b', ask }).granted).toBe(3);
  const refused = budget.turn({ holder: 'third', dag: 'c', ask });
  expect(refused.granted).toBe(0);
  budget.nowMs += 1;
  budget.turn({ holder: 'second', dag: 'b', report: { used: used(3), unused: 0 } });
  expect(budget.turn({ holder: 'third', dag: 'c', ask }).freeInMs).toBe(9_999);
  budget.nowMs += 9_999;
  expect(budget.turn({ holder: 'third', dag: 'c', ask }).granted).toBe(4);
});

test('where answers tell nothing, nobody is held back until one is refused; then everybody is', () => {
  const budget = new KeptBudget();
  budget.turn({ holder: 'first', dag: 'a', ask });
  budget.turn({ holder: 'first', dag: 'a', report: { used: used(1), unused: 0 } });
  expect(budget.turn({ holder: 'first', dag: 'a', ask }).granted).toBe(32);
  expect(budget.turn({ holder: 'second', dag: 'b', ask }).granted).toBe(32);
  budget.turn({ holder: 'second', dag: 'b', report: { used: used(1), unused: 31, heldMs: 7_000 } });
  expect(budget.turn({ holder: 'first', dag: 'a', ask })).toMatchObject({ granted: 0, freeInMs: 7_000 });
  budget.nowMs += 7_000;
  expect(budget.turn({ holder: 'first', dag: 'a', ask }).granted).toBe(32);
});

test('a late telling does not undo a newer one', () => {
  const budget = new KeptBudget();
  const tell = (remaining: number, ageMs: number) =>
    budget.turn({
      holder: 'first',
      dag: 'a',
      report: { used: [], unused: 0, telling: { remaining, resetsInMs: 60_000, ageMs } },
    });
  tell(2, 0);
  tell(50, 100);
  expect(budget.state.told?.remaining).toBe(2);
});

test('what costs more than there ever is waits for all of it', () => {
  const budget = new KeptBudget();
  const rules = [{ units: 10, perMs: 1_000 }];
  expect(budget.turn({ holder: 'big', dag: 'a', rules, ask: { units: 25, want: 25, sliceMs } }).granted).toBe(
    10,
  );
});
