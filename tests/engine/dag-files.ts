/** DAG files of the engine's tests. Their functions look at files of the project folder, the workers' working directory. */

export const rowSchema = JSON.stringify({
  $id: 'row.v1',
  type: 'object',
  required: ['id', 'value', 'at'],
  properties: {
    id: { type: 'string', minLength: 1 },
    value: { type: 'integer', minimum: 0 },
    at: { type: 'string', format: 'date-time' },
  },
});

/** Three rows a data interval, into `numbers`. */
export const etl = (schedule: string, extra = '') => `
import { defineDag } from 'millrace';
export default defineDag({
  id: 'etl', schedule: ${schedule}, ${extra}
  tasks: ({ extract, validate, load }) => {
    const raw = extract('pull', { read: 'interval', from: async function* ({ interval }) {
      for (let n = 0; n < 3; n += 1) yield { id: interval.start + '/' + n, value: n, at: interval.start };
    } });
    load('store', validate('check', raw, { schema: 'row.v1' }), { into: 'numbers', key: ['id'], version: ['at'], disposition: 'merge' });
  },
});`;

export const daily = `{ cron: '0 0 * * *', timezone: 'UTC', catchup: false }`;

/** A task fails, its downstream follows suit, and a task that waits for the end of both runs. */
export const verdicts = `
import { defineDag } from 'millrace';
const note = (name) => async () => ({ name });
export const recovered = defineDag({
  id: 'recovered', schedule: 'manual',
  tasks: ({ task }) => {
    const bad = task('bad', { retries: 0, run: async () => { throw new Error('on purpose'); } });
    const after = task('after', { after: [bad], run: note('after') });
    task('tidy', { after: [after], triggerRule: 'all_done', run: note('tidy') });
  },
});
export const broken = defineDag({
  id: 'broken', schedule: 'manual',
  tasks: ({ task }) => {
    const bad = task('bad', { retries: 0, run: async () => { throw new Error('on purpose'); } });
    task('after', { after: [bad], run: note('after') });
  },
});
export const skipping = defineDag({
  id: 'skipping', schedule: 'manual',
  tasks: ({ task }) => {
    const good = task('good', { run: note('good') });
    const alarm = task('alarm', { after: [good], triggerRule: 'one_failed', run: note('alarm') });
    task('report', { after: [alarm], run: note('report') });
    task('end', { after: [good], run: note('end') });
  },
});
export const flaky = defineDag({
  id: 'flaky', schedule: 'manual',
  tasks: ({ task }) => {
    const count = task('count', { retries: 4, retryDelay: '50ms', run: async ({ attempt }) => {
      if (attempt < 3) throw new Error('not yet');
      return { attempt };
    } });
    task('use', { inputs: { count }, run: async (_context, { count }) => ({ seen: count.attempt }) });
  },
});`;

/** Each run waits until the file `release` exists, then loads one row into the table. */
export const gated = (table: string) => `
import { existsSync } from 'node:fs';
import { defineDag } from 'millrace';
export default defineDag({
  id: 'gated', schedule: { cron: '0 0 * * *', timezone: 'UTC', catchup: false },
  tasks: ({ extract, validate, load }) => {
    const raw = extract('wait', { read: 'full', from: async function* ({ interval, workflowId, signal, heartbeat }) {
      while (!existsSync('release')) {
        signal.throwIfAborted();
        heartbeat();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      yield { id: interval?.start ?? workflowId, value: 1, at: '2026-01-01T00:00:00Z' };
    } });
    load('store', validate('check', raw, { schema: 'row.v1' }), { into: '${table}', key: ['id'], version: ['at'], disposition: 'merge' });
  },
});`;

/** A DAG whose run notes its interval, and waits while the file `hold` exists. */
export const ticks = (id: string, schedule: string, body = '', retries = 0, options = '') => `
import { appendFileSync, existsSync } from 'node:fs';
import { defineDag } from 'millrace';
export default defineDag({
  id: '${id}', schedule: ${schedule}, ${options}
  tasks: ({ task }) => {
    task('tick', { retries: ${String(retries)}, retryDelay: '100ms', run: async ({ interval, heartbeat, signal }) => {
      while (existsSync('hold-${id}')) {
        signal.throwIfAborted();
        heartbeat();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      ${body}
      appendFileSync('${id}.log', (interval?.start ?? '-') + '/' + (interval?.end ?? '-') + '\\n');
    } });
  },
});`;
