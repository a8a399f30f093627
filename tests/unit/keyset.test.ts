import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readByChange, type Keyed, type KeysetPage, type KeysetQuestion } from '../../connectors/keyset.js';

interface Versioned extends Keyed {
  readonly changedAt: string;
  readonly revision: number;
}

/** The time of a tick of the source's clock. */
const timeOf = (tick: number): string => new Date(tick).toISOString();

/**
 * A source whose records change while it is read. Before each question the clock goes on by one tick, in which the records
 * of the next list change; a number that no record has yet makes a new one. Equal times come in an order that differs from
 * question to question.
 */
function changingSource(first: readonly number[], changes: readonly (readonly number[])[], pageSize: number) {
  let tick = 3;
  let questions = 0;
  const store = new Map<string, Versioned>();
  const change = (id: string, at: number): void => {
    store.set(id, { id, changedAt: timeOf(at), revision: (store.get(id)?.revision ?? 0) + 1 });
  };
  first.forEach((at, index) => {
    change(String(index + 1), at);
  });
  const isAsked = ({ id, changedAt }: Versioned, question: KeysetQuestion): boolean => {
    if (question.by === 'id') return changedAt === question.at && BigInt(id) > BigInt(question.afterId);
    const { from } = question;
    return from === undefined || changedAt > from.at || (from.isInclusive && changedAt === from.at);
  };
  const ask = (question: KeysetQuestion): Promise<KeysetPage<Versioned>> => {
    tick += 1;
    for (const id of changes[questions] ?? []) change(String(id), tick);
    questions += 1;
    const shuffled = (id: string): number => (Number(id) * 7_919 * questions) % 31;
    const found = [...store.values()].filter((record) => isAsked(record, question));
    found.sort((a, b) =>
      question.by === 'id'
        ? Number(a.id) - Number(b.id)
        : a.changedAt.localeCompare(b.changedAt) || shuffled(a.id) - shuffled(b.id),
    );
    return Promise.resolve({ records: found.slice(0, pageSize), hasMore: found.length > pageSize });
  };
  return { store, ask };
}

const ids = fc.integer({ min: 1, max: 12 });

test('whatever changes between pages, the last state of each record comes, and no state twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      // Few ticks, so that more records than fit on a page have one time.
      fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 12 }),
      fc.array(fc.uniqueArray(ids, { maxLength: 6 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      async (first, changes, pageSize, startTick) => {
        const start = startTick === undefined ? undefined : timeOf(startTick);
        const { store, ask } = changingSource(first, changes, pageSize);
        const delivered: string[] = [];
        const last = new Map<string, number>();
        for await (const page of readByChange('model', start, ask)) {
          for (const { id, revision } of page.records) {
            delivered.push(`${id} ${String(revision)}`);
            last.set(id, revision);
          }
        }
        const wanted = [...store.values()].filter(
          ({ changedAt }) => start === undefined || changedAt >= start,
        );
        expect(Object.fromEntries(last)).toEqual(
          Object.fromEntries(wanted.map(({ id, revision }) => [id, revision])),
        );
        expect(new Set(delivered).size).toBe(delivered.length);
      },
    ),
    { numRuns: 1_000 },
  );
});
