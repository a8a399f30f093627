import { createHash } from 'node:crypto';
import type { LoadTask } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { intervalKey } from '../core/interval.js';
import { loadKey } from '../core/loading/load-key.js';
import type { Manifest } from '../core/loading/manifest.js';
import type { StageRequest } from '../core/run/run.js';
import type { ActivityDeps, Stage } from './deps.js';
import { columnsBefore, tellOfLoad } from './worker/load-alarms.js';
import { partitionKey } from './read/element-source.js';

/**
 * The load stage: commits rows, quarantine and marker in one transaction. The load id is derived from what is loaded and
 * where to, so that a repeat, by a retry or by a second run of the interval, finds the marker and changes nothing.
 *
 * @throws PipelineError STALE_FENCE, CONTRACT_BROKEN, COUNT_MISMATCH, WAREHOUSE_*, STAGING_*
 */
export function createLoad(deps: ActivityDeps): Stage<StageRequest<LoadTask>, Manifest> {
  return async ({ context, task, input, replayQuarantineIds }, io) => {
    if (input === undefined)
      throw new PipelineError('INTERNAL', { where: `task "${task.id}"`, reason: 'no input manifest' });
    const { config } = task;
    const key = await partitionKey(deps, intervalKey(context.interval), context);
    const text = loadKey({
      dag: context.dagId,
      task: task.id,
      table: config.into,
      intervalKey: key,
      contentHash: input.contentHash,
    });
    const loadId = createHash('sha256').update(text).digest('hex').slice(0, 40);
    const { warehouse } = deps;
    const found = await warehouse.findLoad(loadId);
    const before = found === undefined ? await columnsBefore(deps, config.into) : undefined;
    const marker =
      found ??
      (await warehouse.load({
        loadId,
        dagId: context.dagId,
        taskId: task.id,
        workflowId: context.workflowId,
        runId: context.runId,
        attempt: io.attempt,
        ...(context.interval === undefined ? {} : { interval: context.interval }),
        config,
        manifest: input,
        fenceKey: key,
        fence: await warehouse.claimFence(config.into, key),
        ...(replayQuarantineIds === undefined ? {} : { settlesQuarantineIds: replayQuarantineIds }),
      }));
    io.log.info(
      found === undefined
        ? `committed to ${config.into}`
        : `${config.into} has this content already; nothing changed`,
      { loadId, fence: marker.fence, counts: { ...marker.counts } },
    );
    await tellOfLoad(deps, { context, task, input, marker, before });
    const { origin: _extracted, deferred: _applied, ...loaded } = input;
    return {
      ...loaded,
      files: [],
      deletes: [],
      rejects: [],
      counts: marker.counts,
      load: {
        loadId,
        table: config.into,
        fence: marker.fence,
        committedAt: marker.committedAt,
        alreadyCommitted: found !== undefined,
      },
    };
  };
}
