import type { ReconcileReport, ReconcileRequest } from '../../core/reconcile/reconcile.js';
import { withoutThresholds } from '../../core/quality/check-spec.js';
import { limits } from '../../core/limits.js';
import type { StageContext } from '../../core/run/run.js';
import type { ActivityDeps, Stage } from '../deps.js';
import { createCheck } from '../check.js';
import { createExtract } from '../extract.js';
import { sourceNames } from './reconcile-source.js';
import { createTransform } from '../transform.js';
import { createValidate } from '../validate.js';

/**
 * The reconcile stage: reads the source again, whole or for one data interval, sends it through the same checks and
 * transforms, and has the warehouse compare the outcome with the table. Changes nothing. Records that are set aside in
 * the quarantine are no difference.
 *
 * @throws PipelineError as extract, validate and transform do, and WAREHOUSE_*
 */
export function createReconcile(deps: ActivityDeps): Stage<ReconcileRequest, ReconcileReport> {
  const extract = createExtract(deps);
  const validate = createValidate(deps);
  const transform = createTransform(deps);
  const check = createCheck(deps);
  return async (request, io) => {
    const { dagId, interval, load } = request;
    const context: StageContext = {
      dagId,
      workflowId: '',
      runId: '',
      runType: 'manual',
      ...(interval === undefined ? {} : { interval }),
      startedAt: new Date().toISOString(),
      params: {},
    };
    const { config } = request.extract;
    const read = interval === undefined ? 'full' : 'interval';
    let manifest = await extract({ context, task: { ...request.extract, config: { ...config, read } } }, io);
    if (request.validate !== undefined) {
      const task = { ...request.validate, config: { ...request.validate.config, quarantineOver: 1 } };
      manifest = await validate({ context, task, input: manifest }, io);
    }
    for (const task of request.transforms)
      manifest =
        task.kind === 'check'
          ? await check(
              { context, task: { ...task, config: withoutThresholds(task.config) }, input: manifest },
              io,
            )
          : await transform({ context, task, input: manifest }, io);
    const comparison = await deps.warehouse.compare({
      config: load.config,
      manifest,
      ...(interval === undefined ? {} : { interval }),
      keyNames: load.config.key.map((name) => sourceNames(name, request.transforms)),
      maxSamples: limits.reconcileSamples,
    });
    const { missing, extra, changed, timestampOnly } = comparison;
    const status = missing + extra + changed + timestampOnly === 0 ? 'clean' : 'different';
    io.logger.info({ table: load.config.into, missing, extra, changed }, 'reconciled');
    return { dagId, table: load.config.into, taskId: load.id, status, way: 're-read', ...comparison };
  };
}
