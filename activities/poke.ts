import type { SensorTask } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import type { EmittedOutput } from '../core/assets/asset-event.js';
import type { JsonValue } from '../core/json.js';
import type { StageRequest } from '../core/run/run.js';
import type { ActivityDeps, Stage } from './deps.js';
import { Outlets } from './assets/outlets.js';
import { callFunction } from './run-function.js';

/**
 * One look of a sensor. A look that finds nothing fails with NOT_YET, and the server comes back after the poke interval;
 * meanwhile no worker slot is held. A look that throws uses up one of the task's retries: how many it has used travels
 * in the heartbeat from look to look.
 *
 * @throws PipelineError NOT_YET, FUNCTION_MISSING, RESULT_INVALID, and whatever the function throws.
 */
export function createPoke(deps: ActivityDeps): Stage<StageRequest<SensorTask>, JsonValue | EmittedOutput> {
  return async (request, io) => {
    const { task } = request;
    const failures = failuresSoFar(io.lastDetails);
    io.heartbeat({ failures });
    const outlets = new Outlets(task);
    let found: JsonValue;
    try {
      found = await callFunction(deps, request, io, outlets);
    } catch (error) {
      io.heartbeat({ failures: failures + 1 });
      const { maximumAttempts } = task.retry;
      if (failures + 1 < maximumAttempts) throw error;
      throw new PipelineError(
        'TASK_FAILED',
        { taskId: task.id, reason: error instanceof Error ? error.message : String(error) },
        { cause: error },
      );
    }
    const answer = readAnswer(task, found);
    if (!answer.isDone)
      throw new PipelineError('NOT_YET', { taskId: task.id }, { retryAfterMs: task.poke.pokeIntervalMs });
    return outlets.join(answer.value ?? null);
  };
}

function failuresSoFar(details: unknown): number {
  return typeof details === 'object' && details !== null && 'failures' in details
    ? Number(details.failures)
    : 0;
}

/** @throws PipelineError RESULT_INVALID */
function readAnswer(task: SensorTask, found: JsonValue): { isDone: boolean; value?: JsonValue } {
  if (typeof found === 'boolean') return { isDone: found };
  if (
    typeof found === 'object' &&
    found !== null &&
    !Array.isArray(found) &&
    typeof found['isDone'] === 'boolean'
  ) {
    const { isDone, value } = found;
    return { isDone, ...(value === undefined ? {} : { value }) };
  }
  throw new PipelineError('RESULT_INVALID', {
    taskId: task.id,
    actual: found === null ? 'nothing' : `a ${typeof found}`,
    expected: 'true or false, or an object with isDone',
  });
}
