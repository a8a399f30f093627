import type { FunctionTask } from '../core/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import type { JsonValue } from '../core/json.js';
import type { StageRequest } from '../core/run.js';
import type { ActivityDeps, Stage } from './deps.js';

/** Runs a function of the DAG file. @throws PipelineError FUNCTION_MISSING, and whatever the function throws. */
export function createRunFunction(deps: ActivityDeps): Stage<StageRequest<FunctionTask>, JsonValue> {
  return async ({ context, task, inputs }, io) => {
    const { run } = deps.functions(context.dagId, task.id);
    if (run === undefined)
      throw new PipelineError('FUNCTION_MISSING', { dagId: context.dagId, taskId: task.id });
    const { dagId, workflowId, runType, interval, params } = context;
    const result = await run(
      {
        dagId,
        taskId: task.id,
        workflowId,
        runType,
        ...(interval === undefined ? {} : { interval }),
        params,
        attempt: io.attempt,
        log: io.log,
        signal: io.signal,
        heartbeat: (details) => {
          io.heartbeat(details);
        },
      },
      inputs ?? {},
    );
    return result ?? null;
  };
}
