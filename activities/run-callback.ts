import type { CallbackRequest } from '../core/activities.js';
import { dagFunctionsKey } from '../core/dag/dag-definition.js';
import { PipelineError } from '../core/errors/index.js';
import type { ActivityDeps, Stage } from './deps.js';
import { functionContext } from './function-context.js';

/** Calls a callback of a task or of the run. @throws PipelineError FUNCTION_MISSING, and whatever the callback throws. */
export function createRunCallback(deps: ActivityDeps): Stage<CallbackRequest, null> {
  return async ({ context, taskId, event, error, deadlineIndex }, io) => {
    const key = taskId === '' ? dagFunctionsKey : taskId;
    const functions = deps.functions(context.dagId, key);
    const callback =
      event === 'deadline' ? functions.deadlines?.[deadlineIndex ?? 0] : functions.callbacks?.[event];
    if (callback === undefined)
      throw new PipelineError('FUNCTION_MISSING', { dagId: context.dagId, taskId: key });
    await callback({
      ...(await functionContext(deps, context, taskId, io)),
      event,
      ...(error === undefined ? {} : { error }),
    });
    return null;
  };
}
