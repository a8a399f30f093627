import { defaultContract, type SchemaContract } from './columns.js';
import { dagDefaults } from './dag-defaults.js';
import type { DagDefinition, TaskFunctions } from './dag-definition.js';
import type {
  DagOptions,
  Edge,
  ExtractOptions,
  Rows,
  RowMapper,
  TaskBuilder,
  TaskOptions,
  TransformOptions,
} from './dag-options.js';
import type {
  DagMode,
  DagSpec,
  ExtractConfig,
  Normalisation,
  ScheduleSpec,
  TaskSpec,
  TransformConfig,
} from './dag-spec.js';
import { parseDuration, type DurationInput } from './duration.js';
import { PipelineError } from './errors/index.js';
import type { Manifest } from './manifest.js';
import { readSchedule } from './read-schedule.js';
import { hasDataInterval } from './schedule-spec.js';
import { validateSpec } from './validate-spec.js';

/**
 * Builds a DAG from an author's description: a plain spec, and beside it the functions that a worker looks up by
 * `dagId/taskId`. Nothing runs here.
 *
 * @throws PipelineError DAG_INVALID listing every problem at once.
 */
export function defineDag(options: DagOptions): DagDefinition {
  const problems: string[] = [];
  const schedule = readSchedule(options.schedule ?? 'manual', problems);
  const collector = new TaskCollector(schedule, problems);
  options.tasks(collector);
  const spec: DagSpec = {
    specVersion: 1,
    id: options.id,
    description: options.description ?? '',
    owner: options.owner ?? dagDefaults.owner,
    tags: options.tags ?? [],
    schedule,
    mode: options.mode ?? modeOf(schedule),
    maxActiveRuns: options.maxActiveRuns ?? dagDefaults.maxActiveRuns,
    maxActiveTasks: options.maxActiveTasks ?? dagDefaults.maxActiveTasks,
    params: options.params ?? {},
    tasks: collector.tasks,
  };
  problems.push(...validateSpec(spec));
  if (problems.length > 0) throw new PipelineError('DAG_INVALID', { dagId: options.id, problems });
  return { spec, functions: collector.functions };
}

function modeOf(schedule: ScheduleSpec): DagMode {
  if (schedule.kind === 'stream') return 'real-time';
  return schedule.kind === 'every' && schedule.everyMs <= dagDefaults.nearRealTimeMaxMs
    ? 'near-real-time'
    : 'batch';
}

/** Collects the tasks that an author's `tasks` function makes. */
class TaskCollector implements TaskBuilder {
  readonly tasks: TaskSpec[] = [];
  readonly functions: Record<string, TaskFunctions> = {};
  readonly #schedule: ScheduleSpec;
  readonly #problems: string[];

  constructor(schedule: ScheduleSpec, problems: string[]) {
    this.#schedule = schedule;
    this.#problems = problems;
    // Authors take the builder apart: `({ extract, load }) => …`.
    for (const name of ['extract', 'validate', 'transform', 'load', 'task'] as const) {
      Object.defineProperty(this, name, { value: this[name].bind(this) });
    }
  }

  extract(id: string, options: ExtractOptions): Edge<Rows> {
    const { from, cursor } = options;
    let source: ExtractConfig['from'];
    if (typeof from === 'function') {
      this.functions[id] = { read: from };
      source = { connector: 'function', stream: id, options: {} };
    } else {
      source = from;
    }
    const config: ExtractConfig = {
      from: source,
      read:
        options.read ??
        (cursor !== undefined || this.#schedule.kind === 'stream'
          ? 'cursor'
          : this.#hasInterval()
            ? 'interval'
            : 'full'),
      ...(cursor === undefined
        ? {}
        : {
            cursor: {
              path: cursor.path,
              lagMs: this.#duration(cursor.lag ?? 0, `task "${id}": cursor.lag`),
              ...(cursor.initialValue === undefined ? {} : { initialValue: cursor.initialValue }),
            },
          }),
    };
    return this.#add({ kind: 'extract', ...this.#base(id, options, []), config });
  }

  validate(id: string, input: Edge<Rows>, options: Parameters<TaskBuilder['validate']>[2]): Edge<Rows> {
    return this.#add({
      kind: 'validate',
      ...this.#base(id, options, [input]),
      input: input.taskId,
      config: {
        schema: { id: options.schema },
        quarantineOver: options.quarantineOver ?? dagDefaults.quarantineOver,
        contract: contractOf(options.contract),
      },
    });
  }

  transform(id: string, input: Edge<Rows>, options: TransformOptions | RowMapper): Edge<Rows> {
    if (typeof options === 'function') {
      this.functions[id] = { map: options };
      return this.#add({
        kind: 'transform',
        ...this.#base(id, {}, [input]),
        input: input.taskId,
        config: { function: true },
      });
    }
    return this.#add({
      kind: 'transform',
      ...this.#base(id, options, [input]),
      input: input.taskId,
      config: transformConfig(options),
    });
  }

  load(id: string, input: Edge<Rows>, options: Parameters<TaskBuilder['load']>[2]): Edge<Manifest> {
    return this.#add({
      kind: 'load',
      ...this.#base(id, options, [input]),
      input: input.taskId,
      config: {
        into: options.into,
        disposition: options.disposition ?? (options.key === undefined ? 'append' : 'merge'),
        key: options.key ?? [],
        version: options.version ?? [],
        contract: contractOf(options.contract),
      },
    });
  }

  task<Result>(
    id: string,
    options: TaskOptions & { inputs?: Readonly<Record<string, Edge<unknown>>>; run: unknown },
  ): Edge<Result> {
    const inputs = options.inputs ?? {};
    this.functions[id] = { run: options.run as NonNullable<TaskFunctions['run']> };
    return this.#add({
      kind: 'function',
      ...this.#base(id, options, Object.values(inputs)),
      inputs: Object.fromEntries(Object.entries(inputs).map(([name, edge]) => [name, edge.taskId])),
    });
  }

  #add<Result>(task: TaskSpec): Edge<Result> {
    this.tasks.push(task);
    return { taskId: task.id };
  }

  #base(
    id: string,
    options: TaskOptions,
    inputs: readonly Edge<unknown>[],
  ): Omit<TaskSpec & { kind: 'extract' }, 'kind' | 'config'> {
    const at = `task "${id}"`;
    return {
      id,
      ...(options.description === undefined ? {} : { description: options.description }),
      upstream: [...new Set([...inputs, ...(options.after ?? [])].map((edge) => edge.taskId))],
      triggerRule: options.triggerRule ?? 'all_success',
      retry: {
        maximumAttempts: (options.retries ?? dagDefaults.retries) + 1,
        initialIntervalMs: this.#duration(
          options.retryDelay ?? dagDefaults.retryDelayMs,
          `${at}: retryDelay`,
        ),
        backoffCoefficient: options.retryBackoff ?? dagDefaults.retryBackoff,
        maximumIntervalMs: this.#duration(
          options.maxRetryDelay ?? dagDefaults.maxRetryDelayMs,
          `${at}: maxRetryDelay`,
        ),
      },
      timeouts: {
        startToCloseMs: this.#duration(options.timeout ?? dagDefaults.timeoutMs, `${at}: timeout`),
        scheduleToCloseMs: this.#duration(options.deadline ?? dagDefaults.deadlineMs, `${at}: deadline`),
        heartbeatMs: dagDefaults.heartbeatMs,
      },
    };
  }

  #hasInterval(): boolean {
    return hasDataInterval(this.#schedule);
  }

  #duration(input: DurationInput, where: string): number {
    const milliseconds = parseDuration(input);
    if (milliseconds === undefined)
      this.#problems.push(
        `${where}: ${JSON.stringify(input)} is not a duration; use 500ms, 30s, 2m, 1h or 7d`,
      );
    return milliseconds ?? 0;
  }
}

function contractOf(contract: Partial<SchemaContract> | undefined): SchemaContract {
  return { ...defaultContract, ...contract };
}

function transformConfig(options: TransformOptions): TransformConfig {
  const { extract, rename, normalise, constant, select, drop, keep, dedupe } = options;
  const steps: TransformConfig = {
    ...(extract === undefined ? {} : { extract }),
    ...(rename === undefined ? {} : { rename }),
    ...(normalise === undefined ? {} : { normalise: normaliseLists(normalise) }),
    ...(constant === undefined ? {} : { constant }),
    ...(select === undefined ? {} : { select }),
    ...(drop === undefined ? {} : { drop }),
    ...(keep === undefined ? {} : { keep }),
    ...(dedupe === undefined ? {} : { dedupe }),
  };
  return steps;
}

function normaliseLists(
  input: NonNullable<TransformOptions['normalise']>,
): Record<string, readonly Normalisation[]> {
  return Object.fromEntries(
    Object.entries(input).map(([column, steps]) => [column, typeof steps === 'string' ? [steps] : steps]),
  );
}
