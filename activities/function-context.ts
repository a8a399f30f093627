import type { TaskFunctionContext } from '../core/dag/dag-definition.js';
import type { StageContext } from '../core/run/run.js';
import type { ActivityDeps, StageIo } from './deps.js';
import { Outlets } from './assets/outlets.js';

/** What a function of a DAG file is told about its run. @throws PipelineError STAGING_* */
export async function functionContext(
  { values }: Pick<ActivityDeps, 'values'>,
  { dagId, workflowId, runType, interval, params, startedAt, mapIndex, element, assetEvents }: StageContext,
  taskId: string,
  io: StageIo,
  outlets: Outlets = new Outlets({ id: taskId }),
): Promise<TaskFunctionContext> {
  return {
    dagId,
    taskId,
    workflowId,
    runType,
    ...(interval === undefined ? {} : { interval }),
    params,
    startedAt,
    attempt: io.attempt,
    log: io.log,
    signal: io.signal,
    ...(mapIndex === undefined ? {} : { mapIndex }),
    ...(element === undefined ? {} : { element: (await values.element(element)).value }),
    assetEvents: assetEvents?.events ?? [],
    assetEventsOmitted: assetEvents?.omitted ?? 0,
    emit: (asset, extra) => {
      outlets.emit(asset, extra);
    },
    heartbeat: (details) => {
      io.heartbeat(details);
    },
  };
}
