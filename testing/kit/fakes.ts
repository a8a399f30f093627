import type { Activities } from '../../core/activities.js';
import type { RecordObject, TaskFunctions } from '../../core/dag-definition.js';
import type { DagSpec, TaskSpec } from '../../core/dag-spec.js';
import type { JsonValue } from '../../core/json.js';
import type { StageRequest } from '../../core/run.js';

/** Records that an extract task reads in place of its source. */
export interface FakeRows {
  readonly rows: readonly RecordObject[];
}

/** What stands in for a task: its result, or a function that gives it; of an extract task, rows. */
export type Fake = FakeRows | JsonValue | NonNullable<TaskFunctions['run']>;
export type Fakes = Readonly<Record<string, Fake>>;

/** Rows for an extract task in a test. */
export function rows(records: readonly RecordObject[]): FakeRows {
  return { rows: records };
}

/** The spec with faked extract tasks reading from functions; everything else is as it was. */
export function withFakes(spec: DagSpec, fakes: Fakes): DagSpec {
  return { ...spec, tasks: spec.tasks.map((task) => withFake(task, fakes[task.id])) };
}

function withFake(task: TaskSpec, fake: Fake | undefined): TaskSpec {
  if (task.kind !== 'extract' || !isRows(fake)) return task;
  const from = { connector: 'function', stream: task.id, options: {} };
  return { ...task, config: { ...task.config, from, read: 'full' } };
}

/** The functions of a task, with the fake's in their place. */
export function fakedFunctions(functions: TaskFunctions, fake: Fake | undefined): TaskFunctions {
  if (fake === undefined) return functions;
  if (isRows(fake)) return { ...functions, read: () => fake.rows };
  return { ...functions, run: typeof fake === 'function' ? fake : () => Promise.resolve(fake) };
}

function isRows(fake: Fake | undefined): fake is FakeRows {
  return typeof fake === 'object' && fake !== null && 'rows' in fake && Array.isArray(fake.rows);
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
