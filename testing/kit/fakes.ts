import type { Activities } from '../../core/activities.js';
import type { RecordObject, TaskFunctions } from '../../core/dag/dag-definition.js';
import type {
  DagSensorTask,
  DagSpec,
  FunctionTask,
  TaskSpec,
  TriggerDagTask,
} from '../../core/dag/dag-spec.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import type { StageRequest } from '../../core/run/run.js';

/** Records that an extract task reads in place of its source. */
export class FakeRows {
  readonly rows: readonly RecordObject[];

  constructor(rows: readonly RecordObject[]) {
    this.rows = rows;
  }
}

/** What stands in for a task: its result, or a function that gives it; of an extract task, rows. */
export type Fake = FakeRows | JsonValue | NonNullable<TaskFunctions['run']>;
export type Fakes = Readonly<Record<string, Fake>>;

/** Rows for an extract task in a test. */
export function rows(records: readonly RecordObject[]): FakeRows {
  return new FakeRows(records);
}

/** Kinds of tasks that a result, or a function, can stand in for. */
const withFunction = new Set<TaskSpec['kind']>([
  'function',
  'branch',
  'short-circuit',
  'sensor',
  'dag-sensor',
  'trigger-dag',
]);

/**
 * The spec with faked extract tasks reading from functions, and faked tasks about other DAGs being functions; everything
 * else is as it was.
 *
 * @throws PipelineError USAGE naming every fake that would stand in for nothing
 */
export function withFakes(spec: DagSpec, fakes: Fakes): DagSpec {
  const problems = Object.entries(fakes).flatMap(([id, fake]) => problemOf(spec, id, fake));
  if (problems.length > 0)
    throw new PipelineError('USAGE', {
      problem: `Fakes of "${spec.id}" fit no task: ${problems.join('; ')}`,
      hint: `Its tasks: ${spec.tasks.map(({ id }) => id).join(', ')}`,
    });
  return { ...spec, tasks: spec.tasks.map((task) => withFake(task, fakes[task.id])) };
}

function problemOf(spec: DagSpec, id: string, fake: Fake): string[] {
  const task = spec.tasks.find((candidate) => candidate.id === id);
  if (task === undefined) return [`there is no task "${id}"`];
  if (isRows(fake)) return task.kind === 'extract' ? [] : [`"${id}" is no extract task, and reads no rows`];
  if (task.kind === 'extract') return [`"${id}" is an extract task; give it rows(…)`];
  return withFunction.has(task.kind) ? [] : [`"${id}" is a ${task.kind} task, which runs as it is`];
}

function withFake(task: TaskSpec, fake: Fake | undefined): TaskSpec {
  if (fake !== undefined && (task.kind === 'dag-sensor' || task.kind === 'trigger-dag'))
    return asFunction(task);
  if (task.kind !== 'extract' || !isRows(fake)) return task;
  const from = { connector: 'function', stream: task.id, options: {} };
  return { ...task, config: { ...task.config, from, read: 'full' } };
}

/** A task about another DAG as a function, which gets what the triggered run would get as params. */
function asFunction(task: DagSensorTask | TriggerDagTask): FunctionTask {
  if (task.kind === 'trigger-dag') {
    const { dagId: _dagId, params, interval: _interval, wait: _wait, inputs, partial, ...base } = task;
    return { ...base, kind: 'function', inputs, partial: { ...params, ...partial } };
  }
  const { dagId: _dagId, taskIds: _taskIds, executionDeltaMs: _deltaMs, poke: _poke, ...base } = task;
  return { ...base, kind: 'function', inputs: {} };
}

/** The functions of a task, with the fake's in their place. */
export function fakedFunctions(functions: TaskFunctions, fake: Fake | undefined): TaskFunctions {
  if (fake === undefined) return functions;
  if (isRows(fake)) return { ...functions, read: () => fake.rows };
  return { ...functions, run: typeof fake === 'function' ? fake : () => Promise.resolve(fake) };
}

function isRows(fake: Fake | undefined): fake is FakeRows {
  return fake instanceof FakeRows;
}

/** Hears what each task handed on. */
export type ResultListener = (workflowId: string, taskId: string, result: unknown) => void;

/** Activities that also tell what tasks hand on. */
export function listenTo(activities: Activities, listener: ResultListener): Activities {
  const heard = Object.entries(activities).map(([name, activity]) => [
    name,
    async (request: unknown) => {
      const result: unknown = await (activity as (request: unknown) => Promise<unknown>)(request);
      if (isStageRequest(request)) listener(request.context.workflowId, request.task.id, result);
      return result;
    },
  ]);
  return Object.fromEntries(heard) as Activities;
}

function isStageRequest(request: unknown): request is StageRequest<TaskSpec> {
  return typeof request === 'object' && request !== null && 'context' in request && 'task' in request;
}
