import type { TaskFunctions } from './dag-definition.js';
import type { ElementEdges, GroupFactory, TaskBuilder, TaskFactory } from './dag-options.js';
import type { Edge } from './edge.js';
import { readExpand } from './expand-options.js';
import { readIdentity } from '../identity/options.js';
import type { JsonObject } from '../json.js';
import type { SpecDraft } from './spec-draft.js';
import { readCheck } from '../quality/checks.js';
import {
  readAnomalyGate,
  readExtract,
  readLoad,
  readReconcile,
  readTransform,
  readValidate,
} from './stage-tasks.js';
import { readTaskBase, type TaskBase } from './task-base.js';
import type {
  DefaultArgs,
  Expandable,
  ExpandGroupOptions,
  GroupOptions,
  InputEdges,
  TaskOptions,
} from './task-options.js';
import { readPoke, readUntil } from './wait-options.js';

interface RunOptions extends TaskOptions {
  readonly inputs?: InputEdges;
  readonly partial?: JsonObject;
  readonly short?: boolean;
  readonly run?: unknown;
}

/**
 * The builder that an author's `tasks` function receives, and inside a group one whose ids have the group's path before
 * them. Everything that it makes goes into `draft`.
 */
export function createTaskBuilder(draft: SpecDraft, defaults: DefaultArgs, group?: string): TaskBuilder {
  const pathOf = (id: string): string => (group === undefined ? id : `${group}.${id}`);
  const base = (id: string, options: TaskOptions, inputs: readonly Edge<unknown>[] = []): TaskBase =>
    readTaskBase(draft, group, pathOf(id), { ...defaults, ...options }, inputs);
  const ofWaits = waitDefaults(defaults);
  const waitBase = (id: string, options: TaskOptions, inputs: readonly Edge<unknown>[] = []): TaskBase =>
    readTaskBase(draft, group, pathOf(id), { ...ofWaits, ...options }, inputs);
  const add = <Result>(task: Parameters<SpecDraft['add']>[0], options: TaskOptions): Edge<Result> => {
    draft.add(task, options);
    return { taskId: task.id };
  };

  /** What tasks with a function of their own share. */
  const withRun = (
    id: string,
    options: RunOptions,
    further: readonly Edge<unknown>[] = [],
    general: DefaultArgs = defaults,
  ) => {
    const inputs = options.inputs ?? {};
    if (options.run !== undefined)
      draft.addFunctions(pathOf(id), { run: options.run as NonNullable<TaskFunctions['run']> });
    return {
      ...readTaskBase(draft, group, pathOf(id), { ...general, ...options }, [
        ...Object.values(inputs),
        ...further,
      ]),
      ...(options.short === true ? { short: true as const } : {}),
      inputs: Object.fromEntries(Object.entries(inputs).map(([name, edge]) => [name, edge.taskId])),
      ...(options.partial === undefined ? {} : { partial: options.partial }),
    };
  };
  const mapped = (
    id: string,
    over: Parameters<typeof readExpand>[0],
    options: RunOptions & { mapLabel?: string; maxActive?: number },
  ): Edge<never> => {
    const { expand, edges } = readExpand(over, options);
    return add({ kind: 'function', ...withRun(id, options, edges), expand }, options);
  };

  const task: TaskFactory = Object.assign(
    (id: string, options: RunOptions) => add<never>({ kind: 'function', ...withRun(id, options) }, options),
    {
      expand: (id: string, options: RunOptions & { over: Readonly<Record<string, Expandable>> }) =>
        mapped(id, { kind: 'product', over: options.over }, options),
      expandKwargs: (id: string, options: RunOptions & { over: Expandable }) =>
        mapped(id, { kind: 'kwargs', over: options.over }, options),
    },
  );

  const buildGroup = (
    id: string,
    options: GroupOptions,
    build: () => void,
    further: readonly string[] = [],
  ): { groupId: string } => {
    const groupId = pathOf(id);
    const { description, after = [] } = options;
    draft.groups.push({ id: groupId, ...(description === undefined ? {} : { description }) });
    build();
    draft.prependToGroup(groupId, [...after.flatMap((edge) => draft.tasksBehind(edge)), ...further]);
    return { groupId };
  };
  const inside = (id: string, options: GroupOptions): TaskBuilder =>
    createTaskBuilder(draft, { ...defaults, ...options.defaultArgs }, pathOf(id));
  const group_: GroupFactory = Object.assign(
    (
      id: string,
      options: GroupOptions | ((builder: TaskBuilder) => void),
      tasks?: (builder: TaskBuilder) => void,
    ) =>
      typeof options === 'function'
        ? buildGroup(id, {}, () => options(createTaskBuilder(draft, defaults, pathOf(id))))
        : buildGroup(id, options, () => tasks?.(inside(id, options))),
    {
      expand: <Over extends Readonly<Record<string, Expandable>>>(
        id: string,
        options: ExpandGroupOptions<Over>,
        tasks: (builder: TaskBuilder, element: ElementEdges<Over>) => void,
      ) => {
        const { expand, edges } = readExpand({ kind: 'product', over: options.over }, options);
        const element = Object.fromEntries(
          Object.keys(options.over).map((name) => [name, { taskId: `$element.${name}` }]),
        ) as ElementEdges<Over>;
        const build = (): void => tasks(inside(id, options), element);
        const built = buildGroup(
          id,
          options,
          build,
          edges.map((edge) => edge.taskId),
        );
        const index = draft.groups.findIndex((candidate) => candidate.id === built.groupId);
        draft.groups[index] = { id: built.groupId, ...draft.groups[index], expand };
        return built;
      },
    },
  );

  return {
    task,
    group: group_,
    extract: (id, options) => {
      const { config, functions } = readExtract(draft, pathOf(id), options);
      if (functions !== undefined) draft.addFunctions(pathOf(id), functions);
      return add({ kind: 'extract', ...base(id, options), config }, options);
    },
    validate: (id, input, options) =>
      add(
        {
          kind: 'validate',
          ...base(id, options, [input]),
          input: input.taskId,
          config: readValidate(options),
        },
        options,
      ),
    transform: (id, input, options) => {
      const settings = typeof options === 'function' ? {} : options;
      if (typeof options === 'function') draft.addFunctions(pathOf(id), { map: options });
      const task = { ...base(id, settings, [input]), input: input.taskId };
      return add({ kind: 'transform', ...task, config: readTransform(draft, pathOf(id), options) }, settings);
    },
    check: (id, input, options) => {
      const duration: SpecDraft['duration'] = (value, where) =>
        draft.duration(value, `task "${pathOf(id)}": ${where}`);
      const task = { ...base(id, options, [input]), input: input.taskId };
      return add({ kind: 'check', ...task, config: readCheck(options, duration) }, options);
    },
    anomalyGate: (id, input, options = {}) => {
      const task = { ...base(id, options, [input]), input: input.taskId };
      return add(
        { kind: 'anomaly-gate', ...task, config: readAnomalyGate(draft, pathOf(id), options) },
        options,
      );
    },
    load: (id, input, options) =>
      add(
        {
          kind: 'load',
          ...base(id, options, [input]),
          input: input.taskId,
          config: readLoad(draft, pathOf(id), options),
          ...readReconcile(draft, pathOf(id), options),
        },
        options,
      ),
    identity: (id, options) =>
      add({ kind: 'identity', ...base(id, options), config: readIdentity(options) }, options),
    branch: (id, options) => add({ kind: 'branch', ...withRun(id, options) }, options),
    shortCircuit: (id, options) =>
      add(
        {
          kind: 'short-circuit',
          ...withRun(id, options),
          ignoreDownstreamTriggerRules: options.ignoreDownstreamTriggerRules ?? true,
        },
        options,
      ),
    switchOn: (id, options) =>
      add(
        {
          kind: 'switch',
          ...waitBase(id, options, [options.on]),
          input: options.on.taskId,
          ...(options.path === undefined ? {} : { path: options.path }),
          cases: Object.fromEntries(
            Object.entries(options.cases).map(([name, targets]) => [name, listOf(targets).map(pathOf)]),
          ),
          otherwise: listOf(options.otherwise ?? []).map(pathOf),
        },
        options,
      ),
    latestOnly: (id, options = {}) => add({ kind: 'latest-only', ...waitBase(id, options) }, options),
    empty: (id, options = {}) => add({ kind: 'empty', ...waitBase(id, options) }, options),
    waitFor: (id, options) =>
      add(
        {
          kind: 'sensor',
          ...withRun(id, withoutTimeout(options), [], ofWaits),
          poke: readPoke(draft, pathOf(id), options),
        },
        options,
      ),
    waitForDag: (id, options) =>
      add(
        {
          kind: 'dag-sensor',
          ...waitBase(id, withoutTimeout(options)),
          dagId: options.dag,
          taskIds: options.tasks ?? [],
          executionDeltaMs: draft.duration(
            options.executionDelta ?? 0,
            `task "${pathOf(id)}": executionDelta`,
          ),
          poke: readPoke(draft, pathOf(id), options),
        },
        options,
      ),
    waitUntil: (id, options) =>
      add({ kind: 'timer', ...waitBase(id, options), until: readUntil(draft, pathOf(id), options) }, options),
    triggerDag: (id, options) =>
      add(
        {
          kind: 'trigger-dag',
          ...withRun(id, options, [], { ...ofWaits, retries: defaults.retries ?? 0 }),
          dagId: options.dag,
          params: options.params ?? {},
          interval: options.interval ?? 'same',
          wait: options.wait ?? true,
        },
        options,
      ),
    approval: (id, options) =>
      add(
        {
          kind: 'approval',
          ...waitBase(id, withoutTimeout(options)),
          subject: options.subject,
          ...(options.timeout === undefined
            ? {}
            : { timeoutMs: draft.duration(options.timeout, `task "${pathOf(id)}": timeout`) }),
          onTimeout: options.onTimeout ?? 'fail',
          onReject: options.onReject ?? 'fail',
        },
        options,
      ),
  };
}

/** What holds no worker takes no slots, and no time of a try. */
function waitDefaults(defaults: DefaultArgs): DefaultArgs {
  const {
    timeout: _timeout,
    deadline: _deadline,
    pool: _pool,
    poolSlots: _poolSlots,
    priorityWeight: _priorityWeight,
    concurrency: _concurrency,
    maxActiveTis: _maxActiveTis,
    ...kept
  } = defaults;
  return kept;
}

/** A wait's own timeout bounds the wait, not a single try. */
function withoutTimeout<Options extends { readonly timeout?: unknown }>(
  options: Options,
): Omit<Options, 'timeout'> {
  const { timeout: _ofTheWait, ...rest } = options;
  return rest;
}

function listOf(ids: string | readonly string[]): readonly string[] {
  return typeof ids === 'string' ? [ids] : ids;
}
