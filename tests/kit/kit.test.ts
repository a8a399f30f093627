import { afterAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineDag } from 'millrace';
import { DagTestEnvironment, rows } from 'millrace/testing/kit';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import { blocksInLanguage } from '../docs/pages.js';
import { rowSchema } from '../engine/dag-files.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-kit-'));
mkdirSync(join(folder, 'schemas'));
writeFileSync(join(folder, 'schemas', 'row.v1.schema.json'), rowSchema);

/** Where the test server can neither be found nor fetched, these tests are left out; with CI=true that is a failure. */
async function start(): Promise<DagTestEnvironment | undefined> {
  try {
    return await DagTestEnvironment.create({ schemaFolders: [join(folder, 'schemas')] });
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    process.stderr.write(`Skipped, for want of a Temporal test server: tests/kit\n${String(error)}\n`);
    return undefined;
  }
}

const started = await start();
const environment = started!;

afterAll(async () => {
  await started?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The DAG of that id in the guide to nested data. */
async function shownDag(id: string): Promise<DagDefinition> {
  const shown = blocksInLanguage('ts').find(([, { text }]) => text.includes(`id: '${id}'`));
  const path = join(folder, `${id}.ts`);
  writeFileSync(path, shown?.[1].text ?? '');
  const { default: definition } = (await import(path)) as { default: DagDefinition };
  return definition;
}

const orders = defineDag({
  id: 'orders',
  schedule: { cron: '0 0 * * *' },
  tasks: ({ extract, validate, load, task }) => {
    const raw = extract('pull', { from: () => [] });
    const clean = validate('check', raw, { schema: 'row.v1' });
    const loaded = load('store', clean, { into: 'orders', key: ['id'], version: ['at'] });
    task('tell', {
      inputs: { loaded },
      run: () => {
        throw new Error('a test must not call the world');
      },
    });
  },
});

(started === undefined ? describe.skip : describe)('a DAG in a test', () => {
  test('runs on rows of the test, through the real checks into a real table; a fake stands in for the rest', async () => {
    const told: unknown[] = [];
    const run = await environment.run(orders, {
      interval: { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' },
      fakes: {
        pull: rows([
          { id: 'a', value: 1, at: '2026-01-01T10:00:00Z' },
          { id: 'a', value: 2, at: '2026-01-01T11:00:00Z' },
          { id: 'b', value: 'no number', at: '2026-01-01T11:00:00Z' },
        ]),
        tell: async (_context, { loaded }) => {
          told.push((loaded as { counts: object }).counts);
          return 'told';
        },
      },
    });
    expect(run.state).toBe('success');
    expect(run.counts).toMatchObject({ extracted: 3, loaded: 1, superseded: 1, quarantined: 1 });
    expect(run.tasks['tell']).toEqual({ state: 'success', output: 'told' });
    expect(told).toHaveLength(1);
    expect(await environment.query('SELECT id, value FROM orders')).toEqual([{ id: 'a', value: '2' }]);
  });

  test('the guide’s flattened object is columns in its place', async () => {
    const order = {
      ...{ id: 1, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' },
      ...{ currency: 'EUR', total_price: '10.00' },
      customer: { id: 9_007_199_254_740_991, default_address: { city: 'Lyon' } },
    };
    const flat = await shownDag('orders-with-customers');
    const { state } = await environment.run(flat, { fakes: { pull: rows([order]) } });
    expect(state).toBe('success');
    const [row] = await environment.query('SELECT * FROM flat_orders');
    expect(row).toMatchObject({
      customer_id: '9007199254740991',
      customer_email: null,
      customer_default_address_city: 'Lyon',
    });
    expect(Object.keys(row ?? {})).not.toContain('customer');
  });

  test('the guide’s child table follows its orders: refilled, emptied, late', async () => {
    const lines = await shownDag('orders-and-lines');
    const order = (id: number, day: number, skus: readonly string[] | null) => ({
      ...{ id, created_at: '2026-01-01T00:00:00Z', updated_at: `2026-01-0${String(day)}T00:00:00Z` },
      ...{ currency: 'EUR', total_price: '10.00' },
      line_items: skus?.map((sku) => ({ sku, quantity: 1, price: '2.50' })) ?? null,
    });
    const load = async (...orders: readonly ReturnType<typeof order>[]) => {
      const { state } = await environment.run(lines, { fakes: { pull: rows(orders) } });
      expect(state).toBe('success');
    };
    const stored = () =>
      environment.query(
        'SELECT order_id, line_no, sku, CAST(price AS DOUBLE) AS price FROM order_lines ORDER BY order_id, line_no',
      );

    await load(order(1, 1, [' a ', 'b']), order(2, 1, ['c']), order(3, 1, ['d']));
    expect(await stored()).toHaveLength(4);
    await load(order(1, 3, ['e']), order(2, 3, []), order(3, 3, null));
    await load(order(1, 2, ['late']), order(2, 2, ['late']), order(3, 2, ['late']));
    expect(await stored()).toEqual([{ order_id: '1', line_no: '0', sku: 'E', price: 2.5 }]);
  });

  test('does not wait: days of sensors, timers and retries pass at once', async () => {
    const slow = defineDag({
      id: 'slow',
      tasks: ({ waitFor, waitUntil, task }) => {
        let looks = 0;
        const file = waitFor('file', {
          pokeInterval: '1h',
          timeout: '7d',
          run: () => (looks += 1) >= 20,
        });
        const later = waitUntil('later', { after: [file], until: { afterStart: '3d' } });
        task('flaky', {
          after: [later],
          retries: 5,
          retryDelay: '1h',
          maxRetryDelay: '12h',
          run: ({ attempt }) => {
            if (attempt < 5) throw new Error('not yet');
            return attempt;
          },
        });
      },
    });
    const startedAt = performance.now();
    const run = await environment.run(slow);
    expect(run.state).toBe('success');
    expect(run.tasks['flaky']).toEqual({ state: 'success', output: 5 });
    expect(performance.now() - startedAt).toBeLessThan(60_000);
  });

  test('is told when it started, and what a person answered', async () => {
    const asked = defineDag({
      id: 'asked',
      tasks: ({ approval, task }) => {
        const yes = approval('release', { subject: 'Send?', timeout: '1d' });
        task('send', {
          inputs: { yes },
          run: ({ startedAt }, { yes: answer }) => `${startedAt} ${answer.by}`,
        });
      },
    });
    const run = await environment.run(asked, {
      startedAt: '2020-02-29T00:00:00.000Z',
      decisions: [{ taskId: 'release', decision: 'approved', by: 'ann' }],
    });
    expect(run.tasks['send']).toEqual({ state: 'success', output: '2020-02-29T00:00:00.000Z ann' });
    const silent = await environment.run(asked);
    expect(silent.tasks).toMatchObject({ release: { state: 'failed' }, send: { state: 'upstream_failed' } });
  });

  test('triggers other DAGs of the test, whose tasks really run; a fake stands in for what is not there', async () => {
    const mailed: unknown[] = [];
    const mail = defineDag({
      id: 'mail',
      params: { to: 'nobody' },
      tasks: ({ task }) => {
        task('send', {
          run: ({ params }) => {
            mailed.push(params['to']);
            return null;
          },
        });
      },
    });
    const caller = defineDag({
      id: 'caller',
      tasks: ({ waitForDag, triggerDag, task }) => {
        const ready = waitForDag('ready', { dag: 'orders' });
        const sent = triggerDag('mailing', {
          dag: 'mail',
          params: { to: 'ann' },
          wait: true,
          after: [ready],
        });
        task('say', { after: [sent], run: () => 'said' });
      },
    });
    const real = await environment.run(caller, { dags: [mail], fakes: { ready: null } });
    expect(real.tasks).toMatchObject({ mailing: { state: 'success' }, say: { output: 'said' } });
    expect(mailed).toEqual(['ann']);
    const faked = await environment.run(caller, {
      fakes: { ready: null, mailing: async (_context, { to }) => `would mail ${String(to)}` },
    });
    expect(faked.tasks['mailing']).toEqual({ state: 'success', output: 'would mail ann' });
    expect(mailed).toEqual(['ann']);
    const lonely = await environment.run(caller, { fakes: { ready: null } });
    expect(lonely.tasks['mailing']?.error?.message).toContain('the test names them as `dags`');
  });

  test('is started by events of assets, and says which it told', async () => {
    const refine = defineDag({
      id: 'refine',
      tasks: ({ task }) => {
        task('work', {
          outlets: ['table:refined'],
          run: ({ assetEvents, emit }) => {
            emit('table:refined', { from: assetEvents.length });
            return null;
          },
        });
      },
    });
    const raw = {
      id: '1',
      uri: 'table:raw',
      at: '2026-01-01T00:00:00.000Z',
      source: { dagId: 'orders', taskId: 'store', workflowId: 'orders-1', runId: '1' },
      extra: {},
    };
    const run = await environment.run(refine, { runType: 'asset_triggered', assetEvents: [raw] });
    expect(run.assetEvents).toMatchObject([
      { uri: 'table:refined', source: { dagId: 'refine', taskId: 'work' }, extra: { from: 1 } },
    ]);
  });

  test('refuses fakes that would stand in for nothing, all at once', async () => {
    await expect(
      environment.run(orders, { fakes: { pul: rows([]), pull: [], tell: rows([]) } }),
    ).rejects.toThrow(/no task "pul"; "pull" is an extract task.*; "tell" is no extract task/);
  });

  test('that fails says which task failed, and with what', async () => {
    const run = await environment.run(orders, { fakes: { pull: rows([]) } });
    expect(run.state).toBe('failed');
    expect(run.tasks['tell']?.error?.message).toContain('must not call the world');
  }, 240_000);
});
