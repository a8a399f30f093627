import {
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { createHash } from 'node:crypto';
import { selfTriggers } from '../core/dag/asset-schedule.js';
import type { DagDefinition } from '../core/dag/dag-definition.js';
import { dagDefaults } from '../core/dag/dag-defaults.js';
import type { DagMode, DagSpec } from '../core/dag/dag-spec.js';
import { dagScheduleId, probeScheduleId, runWorkflowBaseId } from '../core/ids.js';
import { PipelineError } from '../core/errors/index.js';
import { readNote, writeNote } from '../core/schedule/gaps.js';
import { canonicalJson } from '../core/json.js';
import { limits } from '../core/limits.js';
import type { RunInput } from '../core/run/run.js';
import { listIntervals } from '../core/schedule/schedule-intervals.js';
import { hasFireTimes, type OverlapPolicy, type ScheduleSpec } from '../core/schedule/schedule-spec.js';
import type { PinnedSpec } from '../workflows/messages.js';
import { dagAttribute, modeAttribute } from '../workflows/search-attributes.js';
import { deployCompanions, firstLook, stopCompanions, type FirstPause } from './companions.js';
import { deployReconciles, removeReconciles } from './reconcile-schedules.js';
import { clockCorrections } from './temporal/clock-corrections.js';
import { describeSchedule } from './temporal/describe-schedule.js';
import { keptUntil, temporalTimes } from './temporal/schedule-times.js';
import { assetAttributes, deployAssetQueue, stopAssetQueue } from './asset-queues.js';

/** What deploying one DAG did, or would do. */
export interface DeployResult {
  readonly dagId: string;
  readonly action: 'created' | 'updated' | 'unchanged' | 'orphaned' | 'removed';
  readonly specHash: string;
  readonly previousSpecHash?: string;
  /** Schedules that compare its tables with their sources. */
  readonly reconciles?: readonly string[];
  /** What is allowed and yet looks odd, a sentence each. */
  readonly notes?: readonly string[];
}

/** A deployed DAG: the spec that its next run will start with. */
export interface DeployedDag {
  readonly spec: DagSpec;
  readonly specHash: string;
  readonly isPaused: boolean;
  readonly pauseReason: string;
  /** Since when, where it was paused through Millrace; ISO 8601 UTC. */
  readonly pausedAt?: string;
  /** When the server's schedule was last written. */
  readonly updatedAt: string;
  readonly nextRunTimes: readonly string[];
  readonly missedRuns: number;
  readonly skippedRuns: number;
}

/** One line of `dag list`. */
export interface DagSummary {
  readonly dagId: string;
  readonly mode: DagMode;
  readonly isPaused: boolean;
  readonly nextRunAt?: string;
}

export { dagAttribute, modeAttribute };

const overlapPolicies: Record<OverlapPolicy, ScheduleOverlapPolicy> = {
  skip: ScheduleOverlapPolicy.SKIP,
  'buffer-one': ScheduleOverlapPolicy.BUFFER_ONE,
  'buffer-all': ScheduleOverlapPolicy.BUFFER_ALL,
  'cancel-other': ScheduleOverlapPolicy.CANCEL_OTHER,
  'terminate-other': ScheduleOverlapPolicy.TERMINATE_OTHER,
  'allow-all': ScheduleOverlapPolicy.ALLOW_ALL,
};

/** SHA-256 of a spec's canonical JSON: the identity of what a run is pinned to. */
export function hashSpec(spec: DagSpec): string {
  return createHash('sha256').update(canonicalJson(spec)).digest('hex');
}

/**
 * Makes the deployed DAGs equal to the given ones. A schedule is the record of a deployed DAG, also of a manual or
 * streaming one, where it never fires by itself. Runs under way keep the spec that they started with; a stream
 * finishes its batch first.
 *
 * @param options.prune removes deployed DAGs that are not given; otherwise they are reported as orphaned.
 */
export async function deployDags(
  client: Client,
  definitions: readonly DagDefinition[],
  options: { readonly taskQueue: string; readonly dryRun: boolean; readonly prune: boolean },
): Promise<DeployResult[]> {
  const results: DeployResult[] = [];
  for (const { spec } of definitions) results.push(await deployDag(client, spec, options));
  const given = new Set(definitions.map(({ spec }) => spec.id));
  for (const { dagId } of await listDags(client)) {
    if (given.has(dagId)) continue;
    if (options.prune && !options.dryRun) {
      const removed = await findDeployed(client, dagId);
      if (removed !== undefined) await removeReconciles(client, removed.spec);
      await client.schedule.getHandle(dagScheduleId(dagId)).delete();
      await stopCompanions(client, dagId);
      await stopAssetQueue(client, dagId);
    }
    results.push({ dagId, action: options.prune ? 'removed' : 'orphaned', specHash: '' });
  }
  return results;
}

async function deployDag(
  client: Client,
  spec: DagSpec,
  { taskQueue, dryRun }: { readonly taskQueue: string; readonly dryRun: boolean },
): Promise<DeployResult> {
  const specHash = hashSpec(spec);
  const deployed = await findDeployed(client, spec.id);
  const action =
    deployed === undefined ? 'created' : deployed.specHash === specHash ? 'unchanged' : 'updated';
  const reconciles = dryRun ? [] : await writeDag(client, { spec, specHash }, deployed, taskQueue);
  return {
    dagId: spec.id,
    action,
    specHash,
    ...(deployed !== undefined && action === 'updated' ? { previousSpecHash: deployed.specHash } : {}),
    ...(reconciles.length === 0 ? {} : { reconciles }),
    ...notesOn(spec),
  };
}

/** Writes the record of a DAG and of what goes on beside it; returns the reconciles that it now has. */
async function writeDag(
  client: Client,
  pinned: PinnedSpec,
  deployed: DeployedDag | undefined,
  taskQueue: string,
): Promise<readonly string[]> {
  const { spec, specHash } = pinned;
  const now = new Date();
  const isUpdate = deployed !== undefined && deployed.specHash !== specHash;
  assertBounded(spec, now);
  const pause = deployed === undefined ? firstPause(spec, now) : undefined;
  let watchedFrom = now;
  if (deployed === undefined) {
    const times = await serverTimes(client, spec);
    const state =
      pause === undefined ? undefined : { paused: true, note: writeNote(pause.reason, 'paused', pause.from) };
    await client.schedule.create({
      ...scheduleOptions(pinned, times, taskQueue),
      ...(state === undefined ? {} : { state }),
    });
    // What was due while this call was on its way is no run that was missed: the server knows of no earlier time.
    if (hasFireTimes(spec.schedule))
      watchedFrom = (await describeSchedule(client, dagScheduleId(spec.id))).info.createdAt;
  } else if (isUpdate || needsNewTimes(deployed, now)) {
    await updateSchedule(client, pinned, deployed.spec, taskQueue);
  }
  await deployAssetQueue(client, spec, deployed?.spec);
  await deployCompanions(client, pinned, { taskQueue, isUpdate, now: watchedFrom, pause });
  return deployReconciles(client, pinned, { previous: deployed?.spec, taskQueue, now });
}

/** Holds back what a DAG that is created paused would catch up on, too. */
function firstPause({ pausedUponCreation, schedule }: DagSpec, now: Date): FirstPause | undefined {
  if (pausedUponCreation !== true) return undefined;
  const from = new Date(firstLook(schedule, now)).toISOString();
  return { from, reason: `paused upon creation at ${now.toISOString()}` };
}

/** A DAG that starts itself is allowed, but seldom meant. */
function notesOn(spec: DagSpec): Pick<DeployResult, 'notes'> {
  const notes = selfTriggers(spec).map(
    ({ taskId, uri }) =>
      `DAG "${spec.id}" waits for ${uri}, which its own task "${taskId}" updates: each run starts the next`,
  );
  return notes.length === 0 ? {} : { notes };
}

/** Every deployed DAG, by id. */
export async function listDags(client: Client): Promise<DagSummary[]> {
  const dags: DagSummary[] = [];
  for await (const schedule of client.schedule.list()) {
    const summary = schedule.memo?.['millrace'] as { dagId: string; mode: DagMode } | undefined;
    if (summary === undefined) continue;
    const [next] = runTimes(schedule.info.nextActionTimes);
    dags.push({
      ...summary,
      isPaused: schedule.state.paused,
      ...(next === undefined ? {} : { nextRunAt: next }),
    });
  }
  return dags.sort((a, b) => (a.dagId < b.dagId ? -1 : 1));
}

/** @throws PipelineError DAG_NOT_FOUND */
export async function getDag(client: Client, dagId: string): Promise<DeployedDag> {
  const deployed = await findDeployed(client, dagId);
  if (deployed !== undefined) return deployed;
  const known = (await listDags(client)).map((dag) => dag.dagId);
  throw new PipelineError('DAG_NOT_FOUND', { dagId, known: known.length === 0 ? 'none' : known.join(', ') });
}

async function findDeployed(client: Client, dagId: string): Promise<DeployedDag | undefined> {
  try {
    const description = await describeSchedule(client, dagScheduleId(dagId));
    const { spec, specHash } = deployedInput(description);
    const { reason, verb, at } = readNote(description.state.note ?? '');
    return {
      spec,
      specHash,
      isPaused: description.state.paused,
      pauseReason: description.state.paused ? reason : '',
      ...(description.state.paused && verb === 'paused' && at !== undefined ? { pausedAt: at } : {}),
      updatedAt: (description.info.lastUpdatedAt ?? description.info.createdAt).toISOString(),
      nextRunTimes: runTimes(description.info.nextActionTimes),
      missedRuns: description.info.numActionsMissedCatchupWindow,
      skippedRuns: description.info.numActionsSkippedOverlap,
    };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

/** Next times, without the one that only keeps the record. */
function runTimes(times: readonly Date[]): string[] {
  return times.map((time) => time.toISOString()).filter((time) => time < keptUntil);
}

function deployedInput(description: ScheduleDescription): RunInput {
  const [input] = (description.action.args ?? []) as unknown[];
  return input as RunInput;
}

function scheduleOptions(
  { spec, specHash }: PinnedSpec,
  times: ScheduleOptions['spec'],
  taskQueue: string,
): ScheduleOptions {
  const input: RunInput = { spec, specHash, runType: 'scheduled' };
  const attributes = new TypedSearchAttributes([
    { key: dagAttribute, value: spec.id },
    { key: modeAttribute, value: spec.mode },
  ]);
  return {
    scheduleId: dagScheduleId(spec.id),
    spec: times,
    policies: policiesOf(spec.schedule),
    action: {
      type: 'startWorkflow',
      workflowType: 'runDag',
      workflowId: runWorkflowBaseId(spec.id),
      taskQueue,
      args: [input],
      typedSearchAttributes: attributes,
    },
    memo: { millrace: { dagId: spec.id, mode: spec.mode } },
    typedSearchAttributes: new TypedSearchAttributes([...attributes.getAll(), ...assetAttributes(spec)]),
  };
}

/** @throws PipelineError LIMIT_EXCEEDED where the catch-up of a first deploy would have too many intervals. */
function assertBounded({ id, schedule }: DagSpec, now: Date): void {
  if (!hasFireTimes(schedule) || !schedule.catchup || schedule.startAt === undefined) return;
  const from = firstLook(schedule, now);
  const { intervals, isComplete } = listIntervals({
    schedule,
    from,
    to: now.toISOString(),
    runBackwards: false,
    limit: limits.backfillMaxIntervals,
  });
  if (isComplete) return;
  throw new PipelineError('LIMIT_EXCEEDED', {
    what: `The number of intervals that "${id}" would catch up on since ${from} (set a later startAt or a shorter catchupWindow)`,
    actual: `more than ${String(intervals.length)}`,
    limit: 'backfillMaxIntervals',
    allowed: limits.backfillMaxIntervals,
  });
}

/** Corrections for changes of the clocks reach some years ahead; they are renewed long before. */
function needsNewTimes({ spec, updatedAt }: DeployedDag, now: Date): boolean {
  return spec.schedule.kind === 'cron' && now.getTime() - Date.parse(updatedAt) > limits.scheduleRenewAfterMs;
}

/** Where a schedule has no times of its own, the guard time alone, which no policy matters to. */
function policiesOf(schedule: ScheduleSpec): NonNullable<ScheduleOptions['policies']> {
  if (!hasFireTimes(schedule))
    return { overlap: ScheduleOverlapPolicy.BUFFER_ALL, catchupWindow: dagDefaults.catchupWindowMs };
  return {
    overlap: overlapPolicies[schedule.overlap],
    // A catch-up that is bounded by count is the watch's: a server knows no such bound.
    catchupWindow:
      schedule.catchupMaxRuns === undefined ? schedule.catchupWindowMs : dagDefaults.noCatchupWindowMs,
    pauseOnFailure: false,
  };
}

/** The times that make a server fire exactly what the schedule says. */
async function serverTimes(client: Client, spec: DagSpec): Promise<ScheduleOptions['spec']> {
  const now = new Date();
  const corrections = await clockCorrections(client, probeScheduleId(spec.id), spec.schedule, now);
  return temporalTimes(spec.schedule, now, corrections);
}

async function updateSchedule(
  client: Client,
  pinned: PinnedSpec,
  previous: DagSpec,
  taskQueue: string,
): Promise<void> {
  const { spec } = pinned;
  // A DAG that runs once keeps its time, so that a change of its tasks does not run it again.
  const isSameOnce =
    spec.schedule.kind === 'once' && canonicalJson(previous.schedule) === canonicalJson(spec.schedule);
  const times = isSameOnce ? undefined : await serverTimes(client, spec);
  await client.schedule.getHandle(dagScheduleId(spec.id)).update((current) => {
    const next = scheduleOptions(pinned, times ?? current.spec, taskQueue);
    return {
      spec: next.spec,
      policies: next.policies ?? {},
      action: next.action,
      state: {
        paused: current.state.paused,
        ...(current.state.note === undefined ? {} : { note: current.state.note }),
      },
      ...(next.typedSearchAttributes === undefined
        ? {}
        : { typedSearchAttributes: next.typedSearchAttributes }),
    };
  });
}
