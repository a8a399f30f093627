import type {
  BranchTask,
  FunctionTask,
  SensorTask,
  ShortCircuitTask,
  TaskWork,
} from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import { limits } from '../core/limits.js';
import type { StageContext, StageRequest } from '../core/run/run.js';
import type { ParkedValue } from '../core/run/task-output.js';
import type { EmittedOutput } from '../core/assets/asset-event.js';
import type { ActivityDeps, Stage, StageIo } from './deps.js';
import { functionContext } from './function-context.js';
import { Outlets } from './assets/outlets.js';
import { parkValues } from './values.js';

type WithFunction = TaskWork<FunctionTask | BranchTask | ShortCircuitTask | SensorTask>;

/**
 * Runs a function of the DAG file: a task's own work, the choice of a branch, the verdict of a short circuit.
 *
 * @throws PipelineError FUNCTION_MISSING, RESULT_INVALID, BRANCH_UNKNOWN, STAGING_*, and whatever the function throws.
 */
export function createRunFunction(
  deps: ActivityDeps,
): Stage<
  StageRequest<TaskWork<FunctionTask | BranchTask | ShortCircuitTask>>,
  JsonValue | ParkedValue | EmittedOutput
> {
  return async (request, io) => {
    const { task, context } = request;
    const outlets = new Outlets(task);
    const result = await callFunction(deps, request, io, outlets);
    switch (task.kind) {
      case 'branch':
        return outlets.join(chosenBy(task, result));
      case 'short-circuit':
        return outlets.join(verdictOf(task, result));
      case 'function':
        return outlets.join(context.mapIndex === undefined ? result : await parkLarge(deps, result));
    }
  };
}

/** Calls the function that a task brings, with its arguments. */
export async function callFunction<Task extends WithFunction>(
  deps: ActivityDeps,
  { context, task, inputs = {} }: StageRequest<Task>,
  io: StageIo,
  outlets: Outlets,
): Promise<JsonValue> {
  const { run } = deps.functions(context.dagId, task.id);
  if (run === undefined)
    throw new PipelineError('FUNCTION_MISSING', { dagId: context.dagId, taskId: task.id });
  const values: JsonObject = { ...task.partial };
  for (const [name, value] of Object.entries(inputs)) values[name] = await deps.values.resolve(value);
  Object.assign(values, await elementArguments(deps, context, task));
  return (await run(await functionContext(deps, context, task.id, io, outlets), values)) ?? null;
}

/** A mapped task gets all arguments of its instance; a task in a mapped group those that it names. */
async function elementArguments(
  deps: ActivityDeps,
  { element }: StageContext,
  task: WithFunction,
): Promise<JsonObject> {
  if (element === undefined) return {};
  const { value } = await deps.values.element(element);
  const named = Object.entries(task.inputs).filter(([, from]) => from.startsWith('$element.'));
  if (isInMappedGroup(task)) {
    return Object.fromEntries(
      named.map(([name, from]) => [name, value[from.slice('$element.'.length)] ?? null]),
    );
  }
  return value;
}

/** An instance of a mapped task has no upstream tasks left and names no element. */
function isInMappedGroup(task: WithFunction): boolean {
  return task.upstream.length > 0 || Object.values(task.inputs).some((from) => from.startsWith('$'));
}

/** @throws PipelineError RESULT_INVALID */
function chosenBy(task: Pick<BranchTask, 'id'>, result: JsonValue): string[] {
  const chosen = result === null ? [] : Array.isArray(result) ? result : [result];
  if (chosen.every((id) => typeof id === 'string')) return chosen;
  throw invalid(task, result, 'the id of a task or group, a list of ids, or null');
}

/** @throws PipelineError RESULT_INVALID */
function verdictOf(task: Pick<ShortCircuitTask, 'id'>, result: JsonValue): boolean {
  if (typeof result === 'boolean') return result;
  throw invalid(task, result, 'true to go on, or false to skip what comes after');
}

function invalid(task: Pick<FunctionTask, 'id'>, result: JsonValue, expected: string): PipelineError {
  const actual = result === null ? 'nothing' : Array.isArray(result) ? 'a list' : `a ${typeof result}`;
  return new PipelineError('RESULT_INVALID', { taskId: task.id, actual, expected });
}

async function parkLarge({ staging }: ActivityDeps, result: JsonValue): Promise<JsonValue | ParkedValue> {
  const bytes = Buffer.byteLength(JSON.stringify(result), 'utf8');
  if (bytes <= limits.mappedInlineResultBytes) return result;
  if (bytes > limits.payloadMaxBytes) {
    throw new PipelineError('LIMIT_EXCEEDED', {
      what: 'The result of a mapped task',
      actual: bytes,
      limit: 'payloadMaxBytes',
      allowed: limits.payloadMaxBytes,
    });
  }
  return { $parked: await parkValues(staging, [result]) };
}
