/** DAG files of the tests of clear, retry and backfill of chosen tasks. Tasks fail while a file of the project says so. */

export const rerunDags = `
import { appendFileSync, existsSync } from 'node:fs';
import { defineDag, FailTaskError } from 'millrace';
const daily = { cron: '0 0 * * *', timezone: 'UTC', catchup: false };
const note = (text) => appendFileSync('notes.txt', text + '\\n');
const day = (interval) => interval?.start.slice(0, 10) ?? 'none';

/** Every kind of task whose result lives outside of activities too; \`fragile\` fails while the file \`broken\` is there. */
export const mixed = defineDag({
  id: 'mixed', schedule: daily,
  tasks: ({ task, branch, extract, validate, load }) => {
    const quick = task('quick', { short: true, run: async () => { note('quick'); return { n: 7 }; } });
    const pick = branch('pick', { run: async () => { note('pick'); return 'yes'; } });
    const yes = task('yes', { after: [pick], run: async () => { note('yes'); return 1; } });
    const no = task('no', { after: [pick], run: async () => note('no') });
    const sized = task.expand('sized', { over: { item: [1, 2, 3] }, run: async (_context, { item }) => { note('sized'); return item * 10; } });
    const create = task('create', { setup: true, run: async () => note('create') });
    const fragile = task('fragile', { after: [create, yes], inputs: { quick, sized }, retries: 1, retryDelay: '10ms',
      run: async ({ attempt }, { quick, sized }) => {
        note('fragile ' + attempt);
        if (existsSync('broken')) throw new Error('on purpose');
        return { n: quick.n, sum: sized.reduce((sum, one) => sum + one, 0) };
      } });
    task('drop', { after: [fragile], teardown: [create], run: async () => note('drop') });
    task('last', { inputs: { fragile }, run: async (_context, { fragile }) => { note('last ' + fragile.n + ' ' + fragile.sum); } });
    const raw = extract('pull', { after: [], read: 'interval', from: async function* ({ interval }) {
      note('pull ' + day(interval));
      yield { id: day(interval), value: 1, at: '2026-01-01T00:00:00Z' };
    } });
    load('store', validate('check', raw, { schema: 'row.v1' }), { into: 'rows_of_mixed', key: ['id'], version: ['at'], disposition: 'merge' });
  },
});

export const waiting = defineDag({
  id: 'waiting', schedule: daily,
  tasks: ({ waitForDag, task }) => {
    const seen = waitForDag("seen", { dag: "mixed", tasks: ["yes"], pokeInterval: "100ms" });
    task('after', { after: [seen], run: async ({ interval }) => note('after ' + day(interval)) });
  },
});

/** Waits in a task until it is released. */
export const held = defineDag({
  id: 'held', schedule: daily,
  tasks: ({ task }) => {
    const first = task('first', { run: async ({ interval }) => note('first ' + day(interval)) });
    task('second', { after: [first], run: async ({ signal, heartbeat }) => {
      while (!existsSync('release')) { signal.throwIfAborted(); heartbeat(); await new Promise((done) => setTimeout(done, 50)); }
    } });
  },
});

/** Nothing but a run, for many intervals. */
export const tiny = defineDag({
  id: 'tiny', schedule: { every: '1h' },
  tasks: ({ empty }) => { empty("nothing"); },
});
`;
