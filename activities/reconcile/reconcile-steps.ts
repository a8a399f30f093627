import { faultPoint } from '../../connectors/fault-point.js';
import type { ChecksumQuery } from '../../connectors/source.js';
import type { ChecksumWarehouse } from '../../connectors/warehouse.js';
import type {
  CompareRowsRequest,
  ReconcileReport,
  ReconcileRequest,
  TableComparison,
} from '../../core/reconcile/reconcile.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import type {
  BucketComparison,
  BucketFilter,
  CompareBucketsRequest,
  CompareKeysRequest,
  KeyComparison,
} from '../../core/reconcile/reconcile.js';
import type { ActivityDeps, Stage, StageIo } from '../deps.js';
import { checksumContext, sourceNames, sourceRequest, stagedLines } from './reconcile-source.js';
import { createStagedWriter } from '../staged/staged-writer.js';

/** One step of bisecting: both sides count and add up rows by bucket. @throws PipelineError SOURCE_*, WAREHOUSE_*, STAGING_* */
export function createCompareBuckets(deps: ActivityDeps): Stage<CompareBucketsRequest, BucketComparison> {
  return async ({ request, plan, modulus, within }, io) => {
    const source = await checksumsOf(deps, request, { ...plan, level: 'buckets', modulus }, within, io);
    faultPoint('in-compare');
    const { columns, key, version, window } = plan;
    return checksumsOfWarehouse(deps).compareBuckets({
      ...compared(request),
      columns,
      key,
      version,
      modulus,
      source,
      ...(within === undefined ? {} : { within }),
      ...(window === undefined ? {} : { window }),
    });
  };
}

/** The last step: keys and hashes of the buckets that differ. @throws PipelineError SOURCE_*, WAREHOUSE_*, STAGING_* */
export function createCompareKeys(deps: ActivityDeps): Stage<CompareKeysRequest, KeyComparison> {
  return async ({ request, plan, within, inFlightSince }, io) => {
    const { modulus } = within;
    const source = await checksumsOf(deps, request, { ...plan, level: 'keys', modulus }, within, io);
    faultPoint('in-compare');
    const { columns, key, version, window } = plan;
    return checksumsOfWarehouse(deps).compareKeys({
      ...compared(request),
      columns,
      key,
      version,
      modulus,
      source,
      within,
      ...(window === undefined ? {} : { window }),
      inFlightSince,
    });
  };
}

/** Compares rows that were read, checked and transformed again. @throws PipelineError WAREHOUSE_*, STAGING_* */
export function createCompareRows(deps: ActivityDeps): Stage<CompareRowsRequest, TableComparison> {
  return ({ request, manifest, inFlightSince }) =>
    deps.warehouse.compare({
      ...compared(request),
      manifest,
      ...(request.interval === undefined ? {} : { interval: request.interval }),
      ...(inFlightSince === undefined ? {} : { inFlightSince }),
    });
}

/** Keeps a report in the warehouse. @throws PipelineError WAREHOUSE_* */
export function createRecordReconcile(
  deps: ActivityDeps,
): Stage<{ readonly reconcileId: string; readonly report: ReconcileReport }, null> {
  return async ({ reconcileId, report }, io) => {
    const { dagId, taskId, table, status, way, reason, heal, missing, extra, changed } = report;
    await deps.warehouse.recordReconcile([
      reconcileId,
      dagId,
      taskId,
      table,
      status,
      way,
      reason ?? null,
      report.sourceRows,
      report.warehouseRows,
      missing,
      extra,
      changed,
      report.timestampOnly,
      report.inFlight,
      heal?.status ?? null,
      heal?.counts?.loaded ?? null,
      heal?.remaining ?? null,
      JSON.stringify(report),
      new Date().toISOString(),
    ]);
    faultPoint('after-record');
    io.logger.info({ table, way, missing, extra, changed }, 'reconciled');
    return null;
  };
}

function compared({ load, transforms }: ReconcileRequest) {
  return {
    config: load.config,
    keyNames: load.config.key.map((name) => sourceNames(name, transforms)),
    maxSamples: limits.reconcileSamples,
  };
}

function checksumsOfWarehouse({ warehouse }: ActivityDeps): ChecksumWarehouse {
  if (warehouse.checksums !== undefined) return warehouse.checksums;
  throw new PipelineError('INTERNAL', {
    where: `warehouse "${warehouse.name}"`,
    reason: 'it has no checksums',
  });
}

/** Stages what the source computes. */
async function checksumsOf(
  deps: ActivityDeps,
  request: ReconcileRequest,
  query: ChecksumQuery,
  within: BucketFilter | undefined,
  io: StageIo,
): Promise<readonly StagedFile[]> {
  const source = await deps.source(request.extract.config.from.connector);
  if (source.checksums === undefined)
    throw new PipelineError('INTERNAL', {
      where: `connector "${source.name}"`,
      reason: 'it has no checksums',
    });
  const narrowed =
    within === undefined
      ? query
      : { ...query, within: { modulus: within.modulus, buckets: await bucketsOf(deps, within.file) } };
  const writer = createStagedWriter(deps.staging, limits.stagedFileMaxBytes);
  try {
    const read = source.checksums.read(
      await sourceRequest(deps, request),
      narrowed,
      checksumContext(deps, io),
    );
    for await (const { bytes, rowCount } of read)
      if (bytes !== undefined) await writer.append(bytes, rowCount);
    return await writer.finish();
  } finally {
    await writer.discard();
  }
}

async function bucketsOf(deps: ActivityDeps, file: StagedFile): Promise<string[]> {
  return (await stagedLines(deps, file)).map((line) => String((JSON.parse(line) as { b: number }).b));
}
