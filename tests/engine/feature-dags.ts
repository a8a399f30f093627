/** DAG files of the tests of branches, mappings, setups, waits and callbacks. Functions write lines to `notes.txt` of the project. */

const head = `
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { defineDag, FailTaskError, param, RetryTaskError, SkipTaskError } from 'millrace';
const note = (text) => appendFileSync('notes.txt', text + '\\n');
const ok = (value = null) => async () => value;
const bad = async () => { throw new FailTaskError('on purpose'); };
`;

export const branching = `${head}
export const branched = defineDag({
  id: 'branched', schedule: 'manual',
  tasks: ({ branch, task }) => {
    const pick = branch('pick', { run: async ({ params }) => params.choose ?? 'left' });
    const left = task('left', { after: [pick], run: ok() });
    const right = task('right', { after: [pick], run: ok() });
    const more = task('more', { after: [right], run: ok() });
    task('join', { after: [left, more], triggerRule: 'none_failed_min_one_success', run: ok() });
    task('strict-join', { after: [left, more], run: ok() });
  },
});
export const switched = defineDag({
  id: 'switched', schedule: 'manual',
  tasks: ({ task, switchOn, group }) => {
    const order = task('order', { run: async ({ params }) => ({ country: params.country ?? 'fr' }) });
    const by = switchOn('by-country', { on: order, path: 'country', cases: { fr: 'france', de: ['germany'] }, otherwise: 'world' });
    task('france', { after: [by], run: ok() });
    group('germany', { after: [by] }, ({ task }) => { task('tax', { after: [task('vat', { run: ok() })], run: ok() }); });
    task('world', { after: [by], run: ok() });
  },
});
export const short = defineDag({
  id: 'short-circuit', schedule: 'manual',
  tasks: ({ task, shortCircuit }) => {
    const go = shortCircuit('go', { run: async ({ params }) => params.go === true });
    const a = task('a', { after: [go], run: ok() });
    task('b', { after: [a], triggerRule: 'all_done', run: ok() });
    const soft = shortCircuit('soft', { ignoreDownstreamTriggerRules: false, run: async () => false });
    const c = task('c', { after: [soft], run: ok() });
    task('d', { after: [c], triggerRule: 'all_done', run: ok() });
  },
});
export const grouped = defineDag({
  id: 'grouped', schedule: 'manual',
  tasks: ({ task, group, empty }) => {
    const start = task('start', { run: ok() });
    const outer = group('outer', { after: [start] }, ({ task, group }) => {
      const one = task('one', { run: ok() });
      group('inner', { after: [one] }, ({ task }) => { task('two', { run: ok() }); task('three', { run: ok() }); });
    });
    empty('end', { after: [outer] });
  },
});
export const wrongBranch = defineDag({
  id: 'wrong-branch', schedule: 'manual',
  tasks: ({ branch, task }) => { task('a', { after: [branch('pick', { run: async () => 'nobody' })], run: ok() }); },
});
`;

export const lifecycles = `${head}
const failing = (id, extra = {}) => defineDag({
  id, schedule: 'manual', ...extra,
  tasks: ({ task }) => {
    const create = task('create', { setup: true, run: async () => note(id + ' create') });
    const work = task('work', { after: [create], retries: 0, run: bad });
    const later = task('later', { after: [work], run: ok() });
    task('drop', { after: [later], teardown: [create], run: async () => note(id + ' drop') });
  },
});
export const cleaned = failing('cleaned');
export const unprepared = defineDag({
  id: 'unprepared', schedule: 'manual',
  tasks: ({ task }) => {
    const create = task('create', { setup: true, retries: 0, run: bad });
    const work = task('work', { after: [create], triggerRule: 'all_done', run: ok() });
    const deep = task('deep', { after: [work], triggerRule: 'always', run: ok() });
    task('drop', { after: [deep], teardown: [create], run: ok() });
  },
});
export const cancelled = defineDag({
  id: 'cancelled', schedule: 'manual',
  tasks: ({ task }) => {
    const create = task('create', { setup: true, run: async () => note('cancelled create') });
    const work = task('work', { after: [create], run: async ({ signal, heartbeat }) => {
      note('cancelled work');
      while (!signal.aborted) { heartbeat(); await new Promise((done) => setTimeout(done, 100)); }
      throw new Error('aborted');
    } });
    task('drop', { after: [work], teardown: [create], run: async () => note('cancelled drop') });
  },
});
export const strict = defineDag({
  id: 'strict', schedule: 'manual', failOn: 'any',
  tasks: ({ task }) => {
    const first = task('first', { retries: 0, run: bad });
    task('tidy', { after: [first], triggerRule: 'all_done', run: ok() });
  },
});
export const fast = defineDag({
  id: 'fail-fast', schedule: 'manual', failFast: true,
  tasks: ({ task }) => {
    const first = task('first', { retries: 0, run: bad });
    const slow = task('slow', { run: async () => { await new Promise((done) => setTimeout(done, 1500)); } });
    task('after-slow', { after: [slow], run: ok() });
    task('after-first', { after: [first], triggerRule: 'all_done', run: ok() });
  },
});
export const told = defineDag({
  id: 'told', schedule: 'manual',
  onFailure: async ({ error, event }) => note('told run ' + event + ' ' + error.code),
  deadlines: [{ reference: 'queued-at', interval: '1ms', run: async ({ event }) => note('told run ' + event) }],
  tasks: ({ task }) => {
    let tries = 0;
    const flaky = task('flaky', {
      retries: 2, retryDelay: '10ms',
      onRetry: async ({ event, error }) => note('told flaky ' + event + ' ' + error.code),
      onSuccess: async ({ event, taskId }) => note('told ' + taskId + ' ' + event),
      run: async ({ attempt }) => { if (attempt < 3) throw new Error('not yet'); return attempt; },
    });
    const skips = task('skips', { after: [flaky], onSkipped: async ({ event }) => note('told skips ' + event), run: async () => { throw new SkipTaskError('nothing to do'); } });
    task('fails', { after: [flaky], onFailure: async ({ event, error }) => note('told fails ' + event + ' ' + error.code), run: bad,
      deadlines: [{ after: '10m', run: async () => note('told fails too late') }] });
    task('slow', { deadlines: [{ after: '50ms', run: async ({ event, taskId }) => note('told ' + taskId + ' ' + event) }], run: async () => { await new Promise((done) => setTimeout(done, 2000)); } });
    task('after-skips', { after: [skips], run: ok() });
  },
});
export const hurried = defineDag({
  id: 'hurried', schedule: 'manual',
  tasks: ({ task }) => {
    task('often', { retries: 99, retryDelay: '100ms', retryBackoff: 1, retryJitter: 0, deadline: '1s',
      onRetry: async () => note('hurried'), run: async () => { throw new Error('never'); } });
  },
});
export const patient = defineDag({
  id: 'patient', schedule: 'manual',
  tasks: ({ task }) => {
    task('waits', { retries: 1, retryDelay: '1m', run: async ({ attempt }) => {
      note('patient ' + attempt + ' ' + Date.now());
      if (attempt === 1) throw new RetryTaskError('busy', { after: '700ms' });
    } });
  },
});
export const fastNarrow = defineDag({
  id: 'fast-narrow', schedule: 'manual', failFast: true, failOn: 'any', maxActiveTasks: 1,
  tasks: ({ task }) => {
    task('first', { retries: 0, priorityWeight: 9, run: bad });
    for (const id of ['second', 'third']) task(id, { run: async () => note('fast-narrow ' + id) });
  },
});
export const lateTries = defineDag({
  id: 'late-tries', schedule: 'manual',
  tasks: ({ task }) => {
    task('slow', { timeout: '300ms', retries: 1, retryDelay: '10ms', run: async ({ signal }) => { note('late try'); while (!signal.aborted) await new Promise((done) => setTimeout(done, 20)); } });
  },
});
export const narrow = defineDag({
  id: 'narrow', schedule: 'manual', maxActiveTasks: 2,
  tasks: ({ task }) => {
    for (let n = 0; n < 6; n += 1)
      task('t' + n, { run: async () => { note('narrow 1'); await new Promise((done) => setTimeout(done, 200)); note('narrow -1'); } });
  },
});
export const backingOff = defineDag({
  id: 'backing-off', schedule: 'manual', defaultArgs: { retries: 3, retryDelay: '200ms', retryJitter: 0.25 },
  tasks: ({ task }) => {
    task('tries', { run: async ({ attempt }) => { note('backing ' + Date.now()); if (attempt < 4) throw new Error('not yet'); } });
  },
});
export const tooLong = defineDag({
  id: 'too-long', schedule: 'manual', dagrunTimeout: '1500ms',
  onFailure: async ({ error }) => note('too-long run ' + error.code),
  tasks: ({ task, waitFor }) => {
    const create = task('create', { setup: true, run: ok() });
    const quick = task('quick', { after: [create], run: ok() });
    const work = task('work', { after: [quick], run: async ({ signal, heartbeat }) => {
      while (!signal.aborted) { heartbeat(); await new Promise((done) => setTimeout(done, 50)); }
      throw new Error('aborted');
    } });
    const never = waitFor('never', { after: [create], pokeInterval: '100ms', timeout: '1h', run: async () => false });
    task('drop', { after: [work, never], teardown: [create], run: async () => note('too-long drop') });
  },
});
export const quick = defineDag({
  id: 'quick', schedule: 'manual',
  tasks: ({ task }) => {
    let last = task('s0', { short: true, run: async () => 1 });
    for (let n = 1; n < 20; n += 1) last = task('s' + n, { short: true, inputs: { last }, run: async (_context, { last }) => last + 1 });
  },
});
`;

export const waiting = `${head}
export const sensed = defineDag({
  id: 'sensed', schedule: 'manual',
  tasks: ({ waitFor, task }) => {
    const file = waitFor('file', { pokeInterval: '200ms', timeout: '60s', run: async () => { note('look'); return { isDone: existsSync('arrived'), value: 'here' }; } });
    task('use', { inputs: { file }, run: async (_context, { file }) => { note('use ' + file); } });
    const never = waitFor('never', { pokeInterval: '100ms', timeout: '500ms', softFail: true, run: async () => false });
    task('after-never', { after: [never], run: ok() });
  },
});
export const impatient = defineDag({
  id: 'impatient', schedule: 'manual',
  tasks: ({ waitFor }) => {
    waitFor('late', { pokeInterval: '100ms', timeout: '500ms', run: async () => false });
    waitFor('broken', { pokeInterval: '50ms', timeout: '60s', retries: 2, retryDelay: '10ms', run: async () => { note('broken look'); throw new Error('cannot look'); } });
  },
});
export const asked = defineDag({
  id: 'asked', schedule: 'manual',
  tasks: ({ approval, task }) => {
    const yes = approval('release', { subject: 'Send the campaign?' });
    task('send', { inputs: { yes }, run: async (_context, { yes }) => { note('sent by ' + yes.by); } });
    const quiet = approval('quiet', { subject: 'Nobody answers', timeout: '300ms', onTimeout: 'skip' });
    task('after-quiet', { after: [quiet], run: ok() });
  },
});
export const parent = defineDag({
  id: 'parent', schedule: 'manual',
  tasks: ({ triggerDag, task }) => {
    const size = task('size', { run: async () => 3 });
    const child = triggerDag('child', { dag: 'child', params: { name: 'x' }, inputs: { size } });
    task('after', { inputs: { child }, run: async (_context, { child }) => { note('child was ' + (child.workflowId.includes('child') ? 'run' : '?')); } });
  },
});
export const child = defineDag({
  id: 'child', schedule: 'manual', params: { name: param({ type: 'string', default: 'none' }), size: param({ type: 'integer', minimum: 1, default: 1 }) },
  tasks: ({ task }) => { task('say', { run: async ({ params }) => { note('child ' + params.name + ' ' + params.size); } }); },
});
export const insistent = defineDag({
  id: 'insistent', schedule: 'manual',
  tasks: ({ triggerDag }) => {
    triggerDag('flaky', { dag: 'flaky', retries: 2, retryDelay: '10ms', onRetry: async () => note('once more') });
    triggerDag('hopeless', { dag: 'hopeless', retries: 1, retryDelay: '10ms' });
    triggerDag('single', { dag: 'hopeless' });
  },
});
export const flaky = defineDag({
  id: 'flaky', schedule: 'manual',
  tasks: ({ task }) => { task('third', { retries: 0, run: async () => { note('flaky'); if (readFileSync('notes.txt', 'utf8').split('flaky').length < 4) throw new Error('not yet'); } }); },
});
export const hopeless = defineDag({
  id: 'hopeless', schedule: 'manual',
  tasks: ({ task }) => { task('fails', { run: async () => { note('hopeless'); throw new FailTaskError('on purpose'); } }); },
});
export const careless = defineDag({
  id: 'careless', schedule: 'manual',
  tasks: ({ triggerDag }) => { triggerDag('child', { dag: 'child', params: { size: 'wrong', other: 1 } }); },
});
export const timed = defineDag({
  id: 'timed', schedule: 'manual',
  tasks: ({ waitUntil, task, latestOnly }) => {
    task('after', { after: [waitUntil('soon', { until: { afterStart: '300ms' } })], run: ok() });
    task('newest', { after: [latestOnly('latest')], run: ok() });
  },
});
`;

export const mapping = `${head}
export const mapped = defineDag({
  id: 'mapped', schedule: 'manual',
  tasks: ({ task }) => {
    const files = task('files', { run: async ({ params }) => Array.from({ length: params.count ?? 3 }, (_n, at) => 'f' + at) });
    const sized = task.expand('size', { over: { file: files, mode: ['a', 'b'] }, partial: { factor: 10 }, mapLabel: '{file}-{mode}',
      run: async ({ mapIndex }, { file, mode, factor }) => ({ file, mode, at: mapIndex * factor }) });
    task('sum', { inputs: { sized }, run: async (_context, { sized }) => ({ count: sized.length, last: sized.at(-1) ?? null, total: sized.reduce((sum, one) => sum + one.at, 0) }) });
  },
});
export const kwargs = defineDag({
  id: 'kwargs', schedule: 'manual',
  tasks: ({ task }) => {
    const done = task.expandKwargs('each', { over: [{ a: 1, b: 2 }, { a: 3, b: 4 }, { a: 5, b: 6 }], retries: 0,
      run: async (_context, { a, b }) => { if (a === 3) throw new FailTaskError('three'); return a * b; } });
    task('good', { inputs: { done }, triggerRule: 'all_done', run: async (_context, { done }) => done });
    task('alarm', { after: [done], triggerRule: 'one_failed', run: ok() });
    task('never', { after: [done], run: ok() });
  },
});
export const shops = defineDag({
  id: 'shops', schedule: 'manual', maxActiveTasks: 4,
  tasks: ({ task, group }) => {
    const list = task('list', { run: async () => ['north', 'south', 'east'] });
    const all = group.expand('shop', { over: { shop: list } }, ({ extract, validate, load, task }, { shop }) => {
      const raw = extract('pull', { from: async function* ({ element }) { for (let n = 0; n < 2; n += 1) yield { id: element.shop + n, value: n, at: '2026-01-01T00:00:00Z' }; } });
      const loaded = load('store', validate('check', raw, { schema: 'row.v1' }), { into: 'shop_rows', key: ['id'], version: ['at'] });
      task('tell', { inputs: { loaded, shop }, run: async (_context, { loaded, shop }) => shop + ' ' + loaded.counts.loaded });
    });
    task('end', { after: [all], run: ok() });
  },
});
export const none = defineDag({
  id: 'none', schedule: 'manual',
  tasks: ({ task }) => {
    const empty = task('empty', { run: async () => [] });
    const each = task.expand('each', { over: { item: empty }, run: ok() });
    task('after', { after: [each], run: ok() });
    const text = task('text', { run: async () => 'no list' });
    task.expand('wrong', { over: { item: text }, run: ok() });
  },
});
export const many = defineDag({
  id: 'many', schedule: 'manual', maxActiveTasks: 64,
  tasks: ({ task }) => {
    const numbers = task('numbers', { run: async ({ params }) => Array.from({ length: params.count }, (_n, at) => at) });
    const doubled = task.expand('double', { over: { n: numbers }, run: async (_context, { n }) => n * 2 });
    task('sum', { inputs: { doubled }, run: async (_context, { doubled }) => ({ count: doubled.length, total: doubled.reduce((sum, n) => sum + n, 0) }) });
  },
});
`;

export const otherRuns = `${head}
const daily = { cron: '0 0 * * *', timezone: 'UTC', catchup: false };
const day = ({ interval }) => interval.start.slice(0, 10);
const open = async (file, { signal }) => { while (!existsSync(file) && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20)); };
export const chained = defineDag({
  id: 'chained', schedule: daily,
  tasks: ({ task }) => {
    const step = task('step', { dependsOnPast: true, run: async (context) => { note('step ' + day(context)); await open('step-' + day(context), context); } });
    task('after', { after: [step], run: ok() });
  },
});
export const followed = defineDag({
  id: 'followed', schedule: daily,
  tasks: ({ task }) => {
    const first = task('first', { waitForDownstream: true, run: async (context) => { note('first ' + day(context)); } });
    task('second', { after: [first], run: async (context) => { note('second ' + day(context)); await open('second-' + day(context), context); } });
  },
});
export const named = defineDag({
  id: 'named', schedule: daily,
  tasks: ({ task }) => {
    const checked = task('checked', { retries: 0, run: async (context) => { if (!existsSync('mended') && day(context) === '2026-03-01') throw new FailTaskError('not yet'); } });
    task('publish', { dependsOnPast: [checked], run: async (context) => { note('publish ' + day(context)); } });
  },
});
export const reader = defineDag({
  id: 'reader', schedule: daily,
  tasks: ({ waitForDag, task }) => {
    const ready = waitForDag('ready', { dag: 'chained', tasks: ['step'], executionDelta: '1d', pokeInterval: '100ms', timeout: '2m' });
    task('read', { after: [ready], run: async (context) => { note('read ' + day(context)); } });
  },
});
export const trusting = defineDag({
  id: 'trusting', schedule: daily,
  tasks: ({ waitForDag, task }) => { task('use', { after: [waitForDag('whole', { dag: 'named', pokeInterval: '100ms', timeout: '2m' })], run: ok() }); },
});
export const freshOnly = defineDag({
  id: 'fresh-only', schedule: daily,
  tasks: ({ latestOnly, task }) => {
    task('mail', { after: [latestOnly('latest')], run: ok() });
    task('load', { run: ok() });
  },
});
`;
