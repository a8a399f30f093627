import { Context } from '@temporalio/activity';
import { createHash } from 'node:crypto';
import { faultPoint } from '../../connectors/fault-point.js';
import type { Activities, PublishRequest } from '../../core/activities.js';
import type { AssetEvent } from '../../core/assets/asset-event.js';
import type { ActivityDeps, Stage } from '../deps.js';

/**
 * Tells the DAGs that listen to a task's outlets of its success. A repeat, after a crash, tells the same events: their ids
 * come from the task's place in the history of its run, so that a task that is cleared and succeeds again tells new ones.
 */
export function createPublishAssetEvents({
  assets,
}: Pick<ActivityDeps, 'assets'>): Stage<
  PublishRequest,
  Awaited<ReturnType<Activities['publishAssetEvents']>>
> {
  return async (request, io) => {
    const { activityId, scheduledTimestampMs, workflowExecution } = Context.current().info;
    const place = `${workflowExecution?.workflowId ?? ''}/${workflowExecution?.runId ?? ''}/${activityId}`;
    const at = new Date(scheduledTimestampMs).toISOString();
    const events = request.outlets.map((uri) => eventOf(request, uri, place, at));
    faultPoint('before-publish');
    const consumers = await assets.publish(events);
    faultPoint('after-publish');
    io.logger.info({ assets: request.outlets, consumers }, 'asset events published');
    return { consumers };
  };
}

function eventOf(
  { context, taskId, extras }: PublishRequest,
  uri: string,
  place: string,
  at: string,
): AssetEvent {
  const { dagId, workflowId, runId, interval, mapIndex } = context;
  const instance = mapIndex === undefined ? '' : `[${String(mapIndex)}]`;
  return {
    id: eventId(`${place}/${taskId}${instance}/${uri}`),
    uri,
    at,
    source: {
      dagId,
      taskId,
      workflowId,
      runId,
      ...(mapIndex === undefined ? {} : { mapIndex }),
      ...(interval === undefined ? {} : { interval }),
    },
    extra: extras[uri] ?? {},
  };
}

/** A short id for a text that says which event it is. */
export function eventId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}
