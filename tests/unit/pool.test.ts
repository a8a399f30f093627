import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { limits } from '../../core/limits.js';
import { Pool } from '../../core/pools/pool.js';
import { newPool, type LeaseRequest, type PoolAnswer } from '../../core/pools/pool-state.js';

const now = '2026-01-01T00:00:00.000Z';

function request(leaseId: string, more: Partial<LeaseRequest> = {}): LeaseRequest {
  return {
    workflowId: 'run',
    firstRunId: 'chain',
    leaseId,
    requestId: `request of ${leaseId}`,
    slots: 1,
    priorityWeight: 1,
    label: leaseId,
    ...more,
  };
}

const granted = (answers: readonly PoolAnswer[]) =>
  answers.filter(({ kind }) => kind === 'granted').map(({ leaseId }) => leaseId);
const names = (leases: readonly { leaseId: string }[]) => leases.map(({ leaseId }) => leaseId);

describe('a pool', () => {
  test('grants while slots are free, then one for each that comes back', () => {
    const pool = new Pool(newPool(2));
    expect(granted(pool.acquire(request('a'), now))).toEqual(['a']);
    expect(granted(pool.acquire(request('b'), now))).toEqual(['b']);
    expect(pool.acquire(request('c'), now)).toEqual([]);
    expect(granted(pool.release(request('a'), now))).toEqual(['c']);
    expect(pool.view).toMatchObject({ slots: 2, usedSlots: 2, holding: 2, waiting: 0 });
  });

  test('serves the greatest weight first, then first come, first served', () => {
    const pool = new Pool(newPool(1));
    for (const [name, priorityWeight] of [
      ['holder', 1],
      ['low', 1],
      ['first', 5],
      ['second', 5],
      ['high', 9],
    ] as const) {
      pool.acquire(request(name, { priorityWeight }), now);
    }
    expect(names(pool.state.waiters)).toEqual(['high', 'first', 'second', 'low']);
    expect(granted(pool.release(request('holder'), now))).toEqual(['high']);
  });

  test('among equals serves whoever asked first, also where the later word arrived first', () => {
    const pool = new Pool(newPool(0));
    const later = '2026-01-01T00:00:05.000Z';
    pool.acquire(request('second', { askedAt: now, turn: 2 }), later);
    pool.acquire(request('unknown'), later);
    pool.acquire(request('first', { askedAt: now, turn: 1 }), later);
    pool.acquire(
      request('other', { askedAt: now, turn: 1, workflowId: 'run 2', firstRunId: 'chain 2' }),
      later,
    );
    expect(names(pool.state.waiters)).toEqual(['first', 'second', 'other', 'unknown']);
  });

  test('nobody passes a waiter that needs many slots', () => {
    const pool = new Pool(newPool(3));
    pool.acquire(request('one'), now);
    pool.acquire(request('big', { slots: 3 }), now);
    expect(pool.acquire(request('small'), now)).toEqual([]);
    expect(granted(pool.release(request('one'), now))).toEqual(['big']);
    expect(granted(pool.release(request('big'), now))).toEqual(['small']);
  });

  test('refuses what it could never hold; one that was made smaller lets it wait, and lets others pass', () => {
    const pool = new Pool(newPool(3, 3));
    expect(pool.acquire(request('huge', { slots: 4 }), now)).toMatchObject([
      { kind: 'refused', leaseId: 'huge', slots: 4, poolSlots: 3 },
    ]);
    pool.resize(1, now);
    expect(pool.acquire(request('big', { slots: 3 }), now)).toEqual([]);
    expect(granted(pool.acquire(request('small'), now))).toEqual(['small']);
    pool.release(request('small'), now);
    expect(granted(pool.resize(3, now))).toEqual(['big']);
  });

  test('of no slots is paused: everything waits', () => {
    const pool = new Pool(newPool(0));
    expect(pool.acquire(request('a', { slots: 7 }), now)).toEqual([]);
    expect(granted(pool.resize(7, now))).toEqual(['a']);
  });

  test('that shrinks below what is held grants nothing until enough came back', () => {
    const pool = new Pool(newPool(3));
    for (const name of ['a', 'b', 'c', 'd']) pool.acquire(request(name), now);
    pool.resize(1, now);
    expect(pool.release(request('a'), now)).toEqual([]);
    expect(pool.release(request('b'), now)).toEqual([]);
    expect(granted(pool.release(request('c'), now))).toEqual(['d']);
  });

  test('keeps a person’s size until settings name another size than before', () => {
    const pool = new Pool(newPool(3, 3));
    pool.resize(1, now);
    pool.configure(3, now);
    expect(pool.state.slots).toBe(1);
    pool.configure(4, now);
    expect(pool.state.slots).toBe(4);
  });

  test('answers a repeated request again, and gives it one place', () => {
    const pool = new Pool(newPool(1));
    pool.acquire(request('a'), now);
    expect(granted(pool.acquire(request('a', { requestId: 'again' }), now))).toEqual(['a']);
    pool.acquire(request('b'), now);
    pool.acquire(request('b'), now);
    expect(pool.view).toMatchObject({ holding: 1, waiting: 1 });
  });

  test('a late word about an earlier request changes nothing', () => {
    const pool = new Pool(newPool(1));
    pool.acquire(request('a', { requestId: 'old' }), now);
    pool.acquire(request('a', { requestId: 'new' }), now);
    pool.release(request('a', { requestId: 'old' }), now);
    expect(pool.view.holding).toBe(1);
    pool.release(request('a', { requestId: 'new' }), now);
    expect(pool.view.holding).toBe(0);
  });

  test('forgets a run that ended, and not a later one with the same workflow id', () => {
    const pool = new Pool(newPool(2));
    pool.acquire(request('a', { firstRunId: 'old' }), now);
    pool.acquire(request('a', { firstRunId: 'new' }), now);
    pool.acquire(request('b', { firstRunId: 'old' }), now);
    pool.acquire(request('c', { firstRunId: 'new' }), now);
    expect(granted(pool.forget({ workflowId: 'run', firstRunId: 'old' }, now))).toEqual(['c']);
    expect(pool.chains).toEqual([{ workflowId: 'run', firstRunId: 'new' }]);
  });

  test('goes on from its state as plain JSON', () => {
    const pool = new Pool(newPool(1, 1));
    for (const name of ['a', 'b', 'c']) pool.acquire(request(name), now);
    const next = new Pool(JSON.parse(JSON.stringify(pool.state)) as typeof pool.state);
    expect(next.state).toEqual(pool.state);
    expect(granted(next.release(request('a'), now))).toEqual(['b']);
  });

  test('with as many leases as it keeps fits into the input of the next execution', () => {
    const pool = new Pool(newPool(1));
    for (let n = 0; n <= limits.poolMaxLeases; n += 1) {
      const workflowId = `millrace.run.${'d'.repeat(80)}-2026-01-01T00:00:00Z-${String(n)}`;
      const label = 't'.repeat(60);
      const firstRunId = '01234567-89ab-cdef-0123-456789abcdef';
      const leaseId = `${label} ${'p'.repeat(60)}`;
      pool.acquire({ ...request(leaseId), workflowId, firstRunId, label, requestId: '01234567' }, now);
    }
    expect(pool.view.holding + pool.view.waiting).toBe(limits.poolMaxLeases);
    expect(JSON.stringify(pool.state).length).toBeLessThan(1.9 * 1024 * 1024);
  });
});

/** The rules again, slow and obvious: one list of everything asked for, searched anew after each change. */
class Model {
  slots: number;
  asked: { id: string; slots: number; weight: number; order: number; isHolding: boolean }[] = [];
  #order = 0;

  constructor(slots: number) {
    this.slots = slots;
  }

  used(): number {
    return this.asked.filter((item) => item.isHolding).reduce((sum, item) => sum + item.slots, 0);
  }

  waiting(): string[] {
    const compare = (a: (typeof this.asked)[number], b: typeof a) => b.weight - a.weight || a.order - b.order;
    return this.asked
      .filter((item) => !item.isHolding)
      .sort(compare)
      .map(({ id }) => id);
  }

  acquire(id: string, slots: number, weight: number): void {
    if (this.asked.some((item) => item.id === id) || (this.slots > 0 && slots > this.slots)) return;
    this.asked.push({ id, slots, weight, order: (this.#order += 1), isHolding: false });
    this.settle();
  }

  drop(matches: (id: string) => boolean): void {
    this.asked = this.asked.filter(({ id }) => !matches(id));
    this.settle();
  }

  settle(): void {
    const next = this.waiting()
      .map((id) => this.asked.find((item) => item.id === id)!)
      .find((item) => item.slots <= this.slots);
    if (next === undefined || next.slots > this.slots - this.used()) return;
    next.isHolding = true;
    this.settle();
  }
}

const runs = ['r1', 'r2', 'r3'];
const ids = runs.flatMap((run) => ['a', 'b', 'c', 'd'].map((task) => ({ run, task })));
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('acquire' as const),
      id: fc.constantFrom(...ids),
      slots: fc.integer({ min: 1, max: 4 }),
      weight: fc.integer({ min: -1, max: 2 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), id: fc.constantFrom(...ids) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('resize' as const), slots: fc.nat({ max: 5 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('forget' as const), run: fc.constantFrom(...runs) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('continue' as const) }) },
);

test('agrees with a slow and obvious model: never too many, nobody forgotten, in order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 60 }), (slots, steps) => {
      const model = new Model(slots);
      let pool = new Pool(newPool(slots));
      const told = new Set<string>();
      for (const action of steps) {
        const before = new Set(
          pool.state.holders.map(({ workflowId, leaseId }) => `${workflowId}/${leaseId}`),
        );
        let answers: PoolAnswer[] = [];
        switch (action.kind) {
          case 'acquire': {
            const { run, task } = action.id;
            const wanted = { workflowId: run, slots: action.slots, priorityWeight: action.weight };
            answers = pool.acquire(request(task, wanted), now);
            model.acquire(`${run}/${task}`, action.slots, action.weight);
            break;
          }
          case 'release': {
            const { run, task } = action.id;
            answers = pool.release(request(task, { workflowId: run }), now);
            model.drop((id) => id === `${run}/${task}`);
            break;
          }
          case 'resize':
            answers = pool.resize(action.slots, now);
            model.slots = action.slots;
            model.settle();
            break;
          case 'forget':
            answers = pool.forget({ workflowId: action.run, firstRunId: 'chain' }, now);
            model.drop((id) => id.startsWith(`${action.run}/`));
            break;
          case 'continue':
            pool = new Pool(JSON.parse(JSON.stringify(pool.state)) as typeof pool.state);
        }
        const holders = pool.state.holders.map(({ workflowId, leaseId }) => `${workflowId}/${leaseId}`);
        expect(holders.sort()).toEqual(
          model.asked
            .filter(({ isHolding }) => isHolding)
            .map(({ id }) => id)
            .sort(),
        );
        expect(pool.state.waiters.map(({ workflowId, leaseId }) => `${workflowId}/${leaseId}`)).toEqual(
          model.waiting(),
        );
        for (const id of told) if (!holders.includes(id)) told.delete(id);
        for (const answer of answers)
          if (answer.kind === 'granted') told.add(`${answer.workflowId}/${answer.leaseId}`);
        // Whoever holds has been told, and whoever was told now holds.
        expect([...told].sort()).toEqual(holders);
        const isGrown = holders.some((id) => !before.has(id));
        if (isGrown) expect(pool.view.usedSlots).toBeLessThanOrEqual(pool.view.slots);
      }
    }),
    { numRuns: 500 },
  );
});
