import { patched, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import type { ReconcileReport, ReconcileRequest } from '../core/reconcile/reconcile.js';
import { withoutThresholds } from '../core/quality/check-spec.js';
import { PipelineError } from '../core/errors/index.js';
import type { DataInterval } from '../core/interval.js';
import { limits } from '../core/limits.js';
import type { Manifest } from '../core/loading/manifest.js';
import type { BucketFilter, ChecksumPlan, HealReport, KeyComparison } from '../core/reconcile/reconcile.js';
import type { KeySelection, StageContext } from '../core/run/run.js';
import { capProblem, healProblem } from './heal-rules.js';
import { chainOf } from './load-chain.js';
import type { ReconcileTableInput } from './messages.js';

const activities = proxyActivities<Activities>({
  startToCloseTimeout: '6h',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '100s', maximumAttempts: 6 },
  summary: 'compare source and warehouse',
});

type Differences = Omit<ReconcileReport, 'dagId' | 'taskId' | 'table' | 'status' | 'heal'>;

/**
 * Compares the table of one load task with its source, heals what differs where it may, and keeps the report in the
 * warehouse. Each step is an activity of which files and counts come back, so that another worker goes on where one dies.
 */
export async function reconcileTable(input: ReconcileTableInput): Promise<ReconcileReport> {
  const comparison = new Comparison(input);
  const report = await comparison.run();
  const { workflowId, runId } = workflowInfo();
  await activities.recordReconcile({ reconcileId: `${workflowId}/${runId}`, report });
  setCurrentDetails(
    `\`${report.table}\` ${report.status} (${report.way}): missing ${String(report.missing)}, extra ${String(report.extra)}, changed ${String(report.changed)}, timestamp only ${String(report.timestampOnly)}, in flight ${String(report.inFlight)}`,
  );
  return report;
}

class Comparison {
  readonly #input: ReconcileTableInput;
  readonly #request: ReconcileRequest;
  readonly #context: StageContext;
  readonly #inFlightSince: string;

  constructor(input: ReconcileTableInput) {
    const { spec, taskId } = input;
    const load = spec.tasks.find((task) => task.id === taskId);
    const chain = load?.kind === 'load' ? chainOf(spec, load) : undefined;
    if (load?.kind !== 'load' || chain === undefined)
      throw new PipelineError('INTERNAL', { where: `task "${taskId}"`, reason: 'it is no load of a source' });
    const { workflowId, runId, startTime } = workflowInfo();
    const interval = input.interval ?? windowBefore(startTime, input.windowMs);
    const scope = interval === undefined ? {} : { interval };
    this.#input = input;
    this.#request = { dagId: spec.id, ...chain, load, ...scope };
    this.#inFlightSince = new Date(startTime.getTime() - input.inFlightMs).toISOString();
    this.#context = {
      dagId: spec.id,
      workflowId,
      runId,
      runType: 'manual',
      startedAt: startTime.toISOString(),
      params: {},
      ...scope,
    };
  }

  async run(): Promise<ReconcileReport> {
    const plan =
      this.#input.reRead === true
        ? ({ way: 're-read', reason: 'it was asked for' } as const)
        : await activities.planReconcile(this.#request);
    const { differences, heal } =
      plan.way === 'checksums' ? await this.#byChecksums(plan) : await this.#byRows(plan.reason);
    const { interval } = this.#request;
    const column = plan.way === 'checksums' ? plan.window?.column.name : undefined;
    const ofTime =
      interval === undefined
        ? {}
        : { window: { from: interval.start, to: interval.end, ...(column === undefined ? {} : { column }) } };
    const healed = heal === undefined ? {} : { heal };
    const { dagId, load } = this.#request;
    return {
      dagId,
      taskId: load.id,
      table: load.config.into,
      status: countOf(differences) === 0 ? 'clean' : heal?.remaining === 0 ? 'healed' : 'different',
      ...differences,
      ...ofTime,
      ...healed,
    };
  }

  /** Bisects by buckets of the key until the rows of those that differ are few, then looks at their keys. */
  async #byChecksums(plan: ChecksumPlan): Promise<{ differences: Differences; heal?: HealReport }> {
    const request = this.#request;
    // A comparison keeps the buckets that it began with.
    let modulus = patched('reconcile-fewer-buckets')
      ? limits.reconcileBuckets
      : limits.reconcileBucketsBefore;
    let step = await activities.compareBuckets({ request, plan, modulus });
    const { sourceRows, warehouseRows } = step;
    let scanned = Math.max(sourceRows, warehouseRows);
    let within: BucketFilter = { file: step.file, modulus };
    for (let refines = 0; refines < limits.reconcileMaxRefines; refines += 1) {
      // Where most buckets differ, finer ones tell nothing more.
      if (step.rows <= limits.reconcileRowsAtOnce || step.rows * 2 > scanned) break;
      scanned = step.rows;
      modulus *= limits.reconcileRefineBy;
      step = await activities.compareBuckets({ request, plan, modulus, within });
      within = { file: step.file, modulus };
    }
    const found = step.file.rows === 0 ? undefined : await this.#keys(plan, within);
    const { differences: file, ...kinds } = found ?? { ...noDifference, differences: undefined };
    const differences: Differences = {
      way: 'checksums',
      sourceRows,
      warehouseRows,
      ...kinds,
      ...(plan.notCompared.length === 0 ? {} : { notCompared: plan.notCompared }),
    };
    if (this.#input.heal === undefined) return { differences };
    const heal = await this.#heal(countOf(differences), async ({ deletions }) => {
      const { extract } = request;
      const keys: KeySelection | undefined = file && {
        file,
        key: plan.key.map(({ source }) => source),
        version: plan.version.map(({ source }) => source),
        deletions,
      };
      const task = { ...extract, config: { ...extract.config, read: 'full' as const } };
      const manifest = await this.#prepare(
        await activities.extract({ context: this.#context, task, ...(keys === undefined ? {} : { keys }) }),
      );
      return { manifest, remaining: async () => countOf(await this.#keys(plan, within)) };
    });
    return { differences, heal };
  }

  #keys(plan: ChecksumPlan, within: BucketFilter): Promise<KeyComparison> {
    return activities.compareKeys({
      request: this.#request,
      plan,
      within,
      inFlightSince: this.#inFlightSince,
    });
  }

  /** Reads everything, or the interval, again; a heal loads the same rows, of which the merge changes those that differ. */
  async #byRows(reason: string): Promise<{ differences: Differences; heal?: HealReport }> {
    const request = this.#request;
    const { extract, interval } = request;
    const read = interval === undefined ? 'full' : 'interval';
    const task = { ...extract, config: { ...extract.config, read } as const };
    const manifest = await this.#prepare(await activities.extract({ context: this.#context, task }));
    const inFlightSince = this.#inFlightSince;
    const found = await activities.compareRows({ request, manifest, inFlightSince });
    const differences: Differences = { way: 're-read', reason, ...found };
    if (this.#input.heal === undefined) return { differences };
    const heal = await this.#heal(countOf(differences), async () => ({
      manifest,
      remaining: async () => countOf(await activities.compareRows({ request, manifest, inFlightSince })),
    }));
    return { differences, heal };
  }

  /** What was read, checked and transformed as in a run. */
  async #prepare(extracted: Manifest): Promise<Manifest> {
    const { validate, transforms } = this.#request;
    const context = this.#context;
    let manifest = extracted;
    if (validate !== undefined) {
      // A reconcile may meet nothing but what a run has set aside already.
      const task = { ...validate, config: { ...validate.config, quarantineOver: 1 } };
      manifest = await activities.validate({ context, task, input: manifest });
    }
    for (const task of transforms)
      manifest =
        task.kind === 'check'
          ? await activities.check({
              context,
              task: { ...task, config: withoutThresholds(task.config) },
              input: manifest,
            })
          : await activities.transform({ context, task, input: manifest });
    return manifest;
  }

  async #heal(
    keys: number,
    read: (spec: { readonly deletions: boolean }) => Promise<{
      readonly manifest: Manifest;
      readonly remaining: () => Promise<number>;
    }>,
  ): Promise<HealReport> {
    const spec = this.#input.heal;
    if (keys === 0 || spec === undefined) return { status: 'nothing-to-heal', keys };
    const { load, dagId } = this.#request;
    const unsupported = healProblem(load.config);
    if (unsupported !== undefined) return { status: 'unsupported', keys, hint: unsupported };
    const tooMany = capProblem(dagId, keys, spec);
    if (tooMany !== undefined) return { status: 'above-cap', keys, hint: tooMany };
    const { manifest, remaining } = await read(spec);
    const context = this.#context;
    // The same content may have been loaded before, and the table has lost it since: a heal is a load of its own.
    const input = { ...manifest, contentHash: `${manifest.contentHash}.${context.workflowId}` };
    const { counts } = await activities.load({ context, task: load, input });
    return { status: 'healed', keys, counts, remaining: await remaining() };
  }
}

function windowBefore(end: Date, windowMs: number | undefined): DataInterval | undefined {
  if (windowMs === undefined) return undefined;
  return { start: new Date(end.getTime() - windowMs).toISOString(), end: end.toISOString() };
}

const noDifference = {
  missing: 0,
  extra: 0,
  changed: 0,
  timestampOnly: 0,
  inFlight: 0,
  samples: { missing: [], extra: [], changed: [], timestampOnly: [] },
};

function countOf(found: Pick<ReconcileReport, 'missing' | 'extra' | 'changed' | 'timestampOnly'>): number {
  return found.missing + found.extra + found.changed + found.timestampOnly;
}
