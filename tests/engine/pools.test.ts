import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { newPool } from '../../core/pools/pool-state.js';
import { waitUntil } from '../helpers/project.js';
import { dagFile, independent, mostAtOnce, PoolProject } from './pool-project.js';

const names = {
  crowd: independent('crowd', 5, `pool: 'three'`, `gated('release-' + 'crowd', 250)`),
  mixed: `export const mixed = defineDag({ id: 'mixed', schedule: daily, tasks: ({ task }) => {
  for (let n = 0; n < 4; n += 1) task('wide' + n, { ...retries, pool: 'weighed', poolSlots: 2, run: work(250, 2) });
  for (let n = 0; n < 4; n += 1) task('narrow' + n, { ...retries, pool: 'weighed', run: work(250, 1) });
} });\n`,
  ranked: `export const ranked = defineDag({ id: 'ranked', schedule: daily, tasks: ({ task }) => {
  for (const [name, priorityWeight] of [['low', 1], ['middle', 5], ['high', 9], ['middle2', 5], ['lowest', -3]])
    task(name, { ...retries, pool: 'ranked', priorityWeight, run: work() });
} });\n`,
  long: independent('long', 6, `pool: 'renewed'`, 'work(700)'),
  held: independent('held', 1, `pool: 'single'`, `gated('release-' + 'held')`),
  lost: independent('lost', 1, `pool: 'mended'`, `gated('release-' + 'lost')`),
  bounded: independent(
    'bounded',
    1,
    `description: 'one'`,
    `gated('release-' + 'bounded', 250)`,
    'maxActiveRuns: 2,',
  ),
  left: independent('left', 3, `concurrency: { key: 'shop', limit: 2 }`),
  right: independent('right', 3, `pool: 'three', concurrency: { key: 'shop', limit: 2 }`),
  instances: independent('instances', 1, `maxActiveTis: 1`, 'work(50)'),
};

const pools = {
  three: { slots: 3, description: 'for everybody' },
  weighed: { slots: 3 },
  ranked: { slots: 1 },
  renewed: { slots: 2 },
  single: { slots: 1 },
  mended: { slots: 1 },
};

// Above every wait, so that a wait says what it waited for.
jest.setTimeout(240_000);

let world: PoolProject;

beforeAll(async () => {
  world = await PoolProject.create({ 'pools.ts': dagFile(Object.values(names).join('')) }, { pools });
  // This coordinator continues as new every few leases.
  await world.temporal.workflow.start('poolCoordinator', {
    workflowId: 'millrace.pool.renewed',
    taskQueue: 'millrace',
    args: [{ pool: 'renewed', state: newPool(2, 2), historyMaxEvents: 60 }],
  });
  await world.project.json('deploy');
  await world.startWorker('one');
  await world.startWorker('two');
}, 240_000);

/** Lets a pool's tasks pile up, then opens it: what waits is served in the pool's order. */
async function pileUp(
  pool: string,
  dag: string,
  runs: number,
  waiting: number,
  slots: number,
): Promise<void> {
  await world.project.json('pool', 'set', pool, '0');
  const backfill = await world.start(dag, runs);
  await world.waitForPool('all wait', pool, (view) => view.waiting === waiting);
  expect(world.trace([dag])).toEqual([]);
  await world.project.json('pool', 'set', pool, String(slots));
  await world.succeeded(backfill, runs);
}

/** Lengths of the histories of a coordinator's executions that continued as new, at least so many. */
async function historyLengths(pool: string, count: number): Promise<number[]> {
  const query = `WorkflowId = "millrace.pool.${pool}" AND ExecutionStatus = "ContinuedAsNew"`;
  let lengths: number[] = [];
  await waitUntil('the executions are listed', async () => {
    lengths = [];
    for await (const { historyLength } of world.temporal.workflow.list({ query }))
      lengths.push(historyLength);
    return lengths.length >= count;
  });
  return lengths;
}

const isIdle = { usedSlots: 0, holding: 0, waiting: 0 };

test('40 tasks of 8 runs on two workers: never more than the 3 slots of their pool, and all 3', async () => {
  const backfill = await world.start('crowd', 8);
  await world.waitForPool('all ask', 'three', (view) => view.holding === 3 && view.waiting === 37);
  await waitUntil('the slots are used', () => world.trace(['crowd']).length === 3);
  world.project.write('release-crowd', '');
  await world.succeeded(backfill, 8);
  const trace = world.trace(['crowd']);
  expect(trace.filter(({ what }) => what === 'end')).toHaveLength(40);
  expect(mostAtOnce(trace)).toBe(3);
  expect(new Set(trace.map(({ pid }) => pid)).size).toBe(2);
  await world.waitForPool('all is given back', 'three', (view) => view.usedSlots === 0);
  expect(await world.pool('three')).toMatchObject({ slots: 3, ...isIdle });
});

test('poolSlots count: what runs never weighs more than the pool', async () => {
  await pileUp('weighed', 'mixed', 2, 16, 3);
  const trace = world.trace(['mixed']);
  expect(trace.filter(({ what }) => what === 'end')).toHaveLength(16);
  expect(mostAtOnce(trace)).toBeLessThanOrEqual(3);
});

test('the greatest priorityWeight starts first, then first come, first served', async () => {
  await pileUp('ranked', 'ranked', 1, 5, 1);
  const order = world
    .trace(['ranked'])
    .filter(({ what }) => what === 'start')
    .map(({ taskId }) => taskId);
  expect(order).toEqual(['high', 'middle', 'middle2', 'low', 'lowest']);
});

test('a coordinator that continues as new loses no request and no slot, and its histories stay short', async () => {
  const backfill = await world.start('long', 4);
  await world.succeeded(backfill, 4);
  expect(mostAtOnce(world.trace(['long']))).toBeLessThanOrEqual(2);
  await world.waitForPool('all is given back', 'renewed', (view) => view.usedSlots === 0);
  const lengths = await historyLengths('renewed', 3);
  // 60 events, and what was on its way.
  expect(Math.max(...lengths)).toBeLessThan(300);
});

test('a burst of requests, all of runs that are gone, leaves short histories and a free pool', async () => {
  await world.project.json('pool', 'set', 'burst', '50');
  const coordinator = world.temporal.workflow.getHandle('millrace.pool.burst');
  for (let n = 0; n < 800; n += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        coordinator.signal('acquireSlot', {
          workflowId: `gone-${String(n + index)}`,
          firstRunId: 'gone',
          leaseId: 'a',
          requestId: 'b',
          slots: 1,
          priorityWeight: 1,
          label: 'a',
        }),
      ),
    );
  }
  await world.waitForPool('all are forgotten', 'burst', (view) => view.holding === 0 && view.waiting === 0);
  expect(await world.pool('burst')).toMatchObject(isIdle);
  const lengths = await historyLengths('burst', 1);
  expect(Math.max(...lengths)).toBeLessThan(4_096);
});

describe('a run that ends without a word', () => {
  test('terminated while it holds a slot: the next one gets it', async () => {
    const { workflowId } = await world.project.json<{ workflowId: string }>('dag', 'trigger', 'held');
    await world.waitForPool('it holds', 'single', (view) => view.holding === 1);
    const next = await world.project.json<{ workflowId: string }>('dag', 'trigger', 'held');
    await world.waitForPool('the next one waits', 'single', (view) => view.waiting === 1);
    await world.temporal.workflow.getHandle(workflowId).terminate('test');
    await world.waitForPool('the next one holds', 'single', (view) => {
      return view.waiting === 0 && view.holders[0]?.workflowId === next.workflowId;
    });
    const third = await world.project.json<{ workflowId: string }>('dag', 'trigger', 'held');
    await world.waitForPool('a third one waits', 'single', (view) => view.waiting === 1);
    await world.temporal.workflow.getHandle(third.workflowId).cancel();
    await world.waitForPool('it waits no more', 'single', (view) => view.waiting === 0);
    // It said so itself, before it ended.
    expect(await world.releasesOf('single')).toContain(third.workflowId);
    world.project.write('release-held', '');
    await world.result(next.workflowId);
    await world.waitForPool('all is given back', 'single', (view) => view.usedSlots === 0);
  });

  test('a coordinator that was terminated goes on where it stood', async () => {
    const first = await world.project.json<{ workflowId: string }>('dag', 'trigger', 'lost');
    await world.waitForPool('it holds', 'mended', (view) => view.holding === 1);
    const second = await world.project.json<{ workflowId: string }>('dag', 'trigger', 'lost');
    await world.waitForPool('the other waits', 'mended', (view) => view.waiting === 1);
    await world.temporal.workflow.getHandle('millrace.pool.mended').terminate('test');
    const third = await world.project.json<{ workflowId: string }>('dag', 'trigger', 'lost');
    await world.waitForPool('a third one waits too', 'mended', (view) => view.waiting === 2);
    expect((await world.pool('mended')).holders.map(({ workflowId }) => workflowId)).toEqual([
      first.workflowId,
    ]);
    world.project.write('release-lost', '');
    for (const { workflowId } of [first, second, third]) await world.result(workflowId);
    expect(mostAtOnce(world.trace(['lost']))).toBe(1);
  });
});

test('maxActiveRuns holds runs back, whoever started them', async () => {
  const triggered = await Promise.all(
    [1, 2, 3].map(() => world.project.json<{ workflowId: string }>('dag', 'trigger', 'bounded')),
  );
  const backfill = await world.start('bounded', 3);
  await world.waitForPool('all ask', 'dag-run:bounded', (view) => view.holding === 2 && view.waiting === 4);
  await waitUntil('two work', () => world.trace(['bounded']).length === 2);
  world.project.write('release-bounded', '');
  await world.succeeded(backfill, 3);
  for (const { workflowId } of triggered) await world.result(workflowId);
  const trace = world.trace(['bounded']);
  expect(trace.filter(({ what }) => what === 'end')).toHaveLength(6);
  expect(mostAtOnce(trace)).toBe(2);
});

test('a concurrency key bounds tasks of two DAGs together, also beside a pool', async () => {
  const backfills = [await world.start('left', 3), await world.start('right', 3)];
  for (const backfill of backfills) await world.succeeded(backfill, 3);
  const trace = world.trace(['left', 'right']);
  expect(trace.filter(({ what }) => what === 'end')).toHaveLength(18);
  expect(mostAtOnce(trace)).toBeLessThanOrEqual(2);
});

test('maxActiveTis bounds one task across runs', async () => {
  await world.succeeded(await world.start('instances', 4), 4);
  expect(mostAtOnce(world.trace(['instances']))).toBe(1);
});

describe('the command line', () => {
  test('lists pools, also those behind the bounds of DAGs, and shows who holds', async () => {
    const { pools: listed } = await world.project.json<{ pools: object[] }>('pool', 'list');
    expect(listed).toEqual(
      expect.arrayContaining([
        {
          pool: 'three',
          origin: 'settings',
          description: 'for everybody',
          slots: 3,
          usedSlots: 0,
          waiting: 0,
        },
        { pool: 'dag-run:bounded', origin: 'dag', description: '', slots: 2, usedSlots: 0, waiting: 0 },
        { pool: 'key:shop', origin: 'dag', description: '', slots: 2, usedSlots: 0, waiting: 0 },
        { pool: 'key:instances/t0', origin: 'dag', description: '', slots: 1, usedSlots: 0, waiting: 0 },
      ]),
    );
    expect(await world.project.json('pool', 'show', 'three')).toMatchObject({ pool: 'three', ...isIdle });
  });

  test('a size that a person set outlives a deploy, until the settings change', async () => {
    await world.project.json('pool', 'set', 'three', '7');
    await world.project.json('deploy');
    expect(await world.pool('three')).toMatchObject({ slots: 7, configuredSlots: 3 });
    const settings = { log: { level: 'warn' }, pools: { ...pools, three: { slots: 4 } } };
    world.project.write('millrace.json', JSON.stringify(settings));
    await world.project.json('deploy');
    await world.waitForPool('the deploy is heard', 'three', ({ slots }) => slots === 4);
  });

  test('refuses a DAG whose pools do not fit, all problems at once', async () => {
    world.project.write(
      'dags/wrong.ts',
      dagFile(`export const wrong = defineDag({ id: 'wrong', tasks: ({ task }) => {
  task('a', { pool: 'nowhere', run: work() });
  task('b', { pool: 'ranked', poolSlots: 2, run: work() });
  task('c', { concurrency: { key: 'shop', limit: 3 }, run: work() });
} });`),
    );
    const { code, stderr } = await world.project.run('deploy');
    world.project.write('dags/wrong.ts', `export { left } from './pools.ts'`);
    expect(code).toBe(78);
    expect(stderr).toContain('POOLS_INVALID');
    expect(stderr).toMatch(
      /names pool "nowhere"; known: [a-z, ]*mended, ranked, renewed, single, three, weighed/,
    );
    expect(stderr).toContain('needs 2 slots of pool "ranked", which has 1');
    expect(stderr).toContain('concurrency key "shop" has limit 3');
  });

  test('a pool made at run time serves, cannot be deleted in use, and is missed by name when it is gone', async () => {
    await world.project.json('pool', 'set', 'extra', '1');
    world.project.write(
      'dags/wrong.ts',
      dagFile(independent('guest', 1, `pool: 'extra'`, `gated('release-' + 'guest')`)),
    );
    await waitUntil('the list knows it', async () => (await world.project.run('deploy')).code === 0);
    const { workflowId } = await world.project.json<{ workflowId: string }>('dag', 'trigger', 'guest');
    await world.waitForPool('it holds', 'extra', (view) => view.holding === 1);
    const refused = await world.project.run('pool', 'delete', 'extra');
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('POOL_IN_USE') });
    await world.temporal.workflow.getHandle(workflowId).cancel();
    await world.waitForPool('it is given back', 'extra', (view) => view.holding === 0);
    await world.project.json('pool', 'delete', 'extra');
    const missing = await world.project.run('pool', 'show', 'extra');
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('POOL_UNKNOWN') });
    const run = await world.project.run('dag', 'trigger', 'guest', '--wait', '--json');
    expect(run.code).toBe(1);
    expect(run.stdout).toContain('POOL_UNKNOWN');
    expect(run.stdout).toContain('ranked, renewed, single');
  });
});
