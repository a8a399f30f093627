import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { clearScope, retryScope, type ClearRequest } from '../../core/run/clear-scope.js';
import { downstreamOf, reachable, upstreamOf } from '../../core/dag/graph.js';
import type { GroupSpec, TaskSpec, TaskState } from '../../core/dag/task-spec.js';

type Drawn = { upstream: number[]; role: 'plain' | 'setup'; state: TaskState };

const states = fc.constantFrom<TaskState>(
  'none',
  'running',
  'success',
  'failed',
  'upstream_failed',
  'skipped',
);
const graphs = fc.record({
  tasks: fc.array(
    fc.record({
      upstream: fc.array(fc.nat(20), { maxLength: 3 }),
      role: fc.constantFrom('plain' as const, 'plain' as const, 'setup' as const),
      state: states,
    }),
    { minLength: 1, maxLength: 12 },
  ),
  /** Tasks from the first to the second index are one mapped group. */
  group: fc.option(fc.tuple(fc.nat(11), fc.nat(3)), { nil: undefined }),
  seeds: fc.array(fc.nat(11), { maxLength: 3 }),
});

function build(drawn: readonly Drawn[], mapped: readonly [number, number] | undefined) {
  const id = (at: number): string => `t${String(at)}`;
  const tasks = drawn.map(({ upstream, role }, at) => ({
    id: id(at),
    upstream: at === 0 ? [] : [...new Set(upstream.map((before) => id(before % at)))],
    ...(role === 'setup' ? { setup: true } : {}),
    ...(mapped !== undefined && at >= mapped[0] && at <= mapped[0] + mapped[1] ? { group: 'g' } : {}),
  })) as unknown as (TaskSpec & { setups?: string[] })[];
  const before = upstreamOf(tasks);
  const setupIds = new Set(tasks.filter((task) => task.setup === true).map((task) => task.id));
  const withSetups = tasks.map((task) =>
    task.setup === true
      ? task
      : { ...task, setups: [...reachable([task.id], before)].filter((other) => setupIds.has(other)) },
  );
  const groups: GroupSpec[] =
    mapped === undefined ? [] : [{ id: 'g', expand: { over: { kind: 'kwargs', items: { values: [] } } } }];
  return {
    spec: { tasks: withSetups, groups },
    states: Object.fromEntries(drawn.map(({ state }, at) => [id(at), state])),
  };
}

const nothing: ClearRequest = { tasks: [], upstream: false, downstream: false, onlyFailed: false };
const isRetryable = (state: TaskState | undefined) =>
  state === 'failed' || state === 'upstream_failed' || state === 'none' || state === 'running';

describe('any graph', () => {
  const check = (
    holds: (
      of: ReturnType<typeof build> & { seeds: string[]; scope: (more: Partial<ClearRequest>) => string[] },
    ) => void,
  ) => {
    fc.assert(
      fc.property(graphs, ({ tasks, group, seeds }) => {
        const built = build(tasks, group);
        const names = [...new Set(seeds.map((at) => `t${String(at % tasks.length)}`))];
        const scope = (more: Partial<ClearRequest>) => [
          ...clearScope(built.spec, { ...nothing, tasks: names, ...more }, built.states).taskIds,
        ];
        holds({ ...built, seeds: names, scope });
      }),
    );
  };

  test('what is named is taken, and a wider clear takes no less', () => {
    check(({ scope, seeds }) => {
      const plain = scope({});
      expect(plain).toEqual(expect.arrayContaining(seeds));
      const down = scope({ downstream: true });
      expect(down).toEqual(expect.arrayContaining(plain));
      expect(scope({ downstream: true, upstream: true })).toEqual(expect.arrayContaining(down));
      expect(down).toEqual(expect.arrayContaining(scope({ downstream: true, onlyFailed: true })));
    });
  });

  test('with downstream, nothing that comes after a named task is left out', () => {
    check(({ spec, scope, seeds }) => {
      const after = reachable(seeds, downstreamOf(spec.tasks));
      expect(scope({ downstream: true })).toEqual(expect.arrayContaining([...after]));
    });
  });

  test('a mapped group goes as a whole, and the setups of what is taken come along', () => {
    check(({ spec, scope }) => {
      for (const more of [{}, { downstream: true }, { upstream: true }, { onlyFailed: true }]) {
        const taken = new Set(scope(more));
        const group = spec.tasks.filter((task) => task.group === 'g');
        expect([0, group.length]).toContain(group.filter((task) => taken.has(task.id)).length);
        for (const task of spec.tasks.filter(({ id }) => taken.has(id)))
          for (const setup of task.setups ?? []) expect(taken).toContain(setup);
      }
    });
  });

  test('the order is that of the spec, without repeats', () => {
    check(({ spec, scope }) => {
      const taken = scope({ downstream: true, upstream: true });
      expect(taken).toEqual(spec.tasks.map((task) => task.id).filter((id) => taken.includes(id)));
    });
  });

  test('a retry takes all that failed or never ended, and all after it; of a run that did well, nothing', () => {
    check(({ spec, states: now }) => {
      const failed = spec.tasks.map((task) => task.id).filter((id) => isRetryable(now[id]));
      const taken = retryScope(spec, now);
      if (failed.length === 0) expect(taken).toEqual([]);
      expect(taken).toEqual(
        expect.arrayContaining([...failed, ...reachable(failed, downstreamOf(spec.tasks))]),
      );
    });
  });
});

describe('a DAG with a cluster, a group and a branch of its own', () => {
  const task = (id: string, upstream: string[], more: object = {}) =>
    ({ id, upstream, ...more }) as unknown as TaskSpec;
  const spec = {
    tasks: [
      task('create', [], { setup: true }),
      task('work', ['create'], { setups: ['create'] }),
      task('more', ['work'], { setups: ['create'] }),
      task('drop', ['more'], { teardown: { setups: ['create'], failsRun: false } }),
      task('shop.pull', ['more'], { group: 'shop' }),
      task('shop.store', ['shop.pull'], { group: 'shop' }),
      task('alone', []),
    ],
    groups: [{ id: 'shop' }],
  };
  const take = (...tasks: string[]) => clearScope(spec, { ...nothing, tasks }).taskIds;

  test('work brings its setup and teardown, not its neighbours', () => {
    expect(take('more')).toEqual(['create', 'more', 'drop']);
  });

  test('a setup brings its teardown, a teardown nobody', () => {
    expect(take('create')).toEqual(['create', 'drop']);
    expect(take('drop')).toEqual(['drop']);
  });

  test('only-failed still brings the setup that did well', () => {
    const states: Record<string, TaskState> = { create: 'success', work: 'failed', more: 'upstream_failed' };
    const ended = { drop: 'success', 'shop.pull': 'success', 'shop.store': 'success', alone: 'success' };
    const { taskIds } = clearScope(spec, { ...nothing, onlyFailed: true }, { ...states, ...ended } as never);
    expect(taskIds).toEqual(['create', 'work', 'more', 'drop']);
  });

  test('groups and globs stand for their tasks, and a name that stands for nothing is told', () => {
    expect(take('shop')).toEqual(['shop.pull', 'shop.store']);
    expect(take('*.store', 'al?ne')).toEqual(['shop.store', 'alone']);
    expect(clearScope(spec, { ...nothing, tasks: ['shop.*', 'sh', '.*'] }).unknown).toEqual(['sh', '.*']);
  });
});
