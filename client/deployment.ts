import {
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import { createHash } from 'node:crypto';
import { selfTriggers } from '../core/asset-schedule.js';
import type { DagDefinition } from '../core/dag-definition.js';
import type { DagMode, DagSpec, OverlapPolicy, ScheduleSpec } from '../core/dag-spec.js';
import { dagScheduleId, runWorkflowBaseId, streamWorkflowId } from '../core/ids.js';
import { PipelineError } from '../core/errors/index.js';
import { canonicalJson } from '../core/json.js';
import type { RunInput } from '../core/run.js';
import { deploySignal, pauseSignal, resumeSignal } from '../workflows/messages.js';
import { assetAttributes, deployAssetQueue, pauseAssetQueue, stopAssetQueue } from './asset-queues.js';

/** What deploying one DAG did, or would do. */
export interface DeployResult {
  readonly dagId: string;
  readonly action: 'created' | 'updated' | 'unchanged' | 'orphaned' | 'removed';
  readonly specHash: string;
  readonly previousSpecHash?: string;
  /** What is allowed and yet looks odd, a sentence each. */
  readonly notes?: readonly string[];
}

/** A deployed DAG: the spec that its next run will start with. */
export interface DeployedDag {
  readonly spec: DagSpec;
  readonly specHash: string;
  readonly isPaused: boolean;
  readonly pauseReason: string;
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

export const dagAttribute = defineSearchAttributeKey('MillraceDag', SearchAttributeType.KEYWORD);
export const modeAttribute = defineSearchAttributeKey('MillraceMode', SearchAttributeType.KEYWORD);

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
  for (const { spec } of definitions) {
    const specHash = hashSpec(spec);
    const deployed = await findDeployed(client, spec.id);
    const action =
      deployed === undefined ? 'created' : deployed.specHash === specHash ? 'unchanged' : 'updated';
    if (!options.dryRun) {
      if (deployed === undefined)
        await client.schedule.create(scheduleOptions(spec, specHash, options.taskQueue));
      else if (action === 'updated') await updateSchedule(client, spec, specHash, options.taskQueue);
      await deployAssetQueue(client, spec, deployed?.spec);
      if (spec.schedule.kind === 'stream')
        await deployStream(client, spec, specHash, options.taskQueue, action === 'updated');
    }
    results.push({
      dagId: spec.id,
      action,
      specHash,
      ...(deployed !== undefined && action === 'updated' ? { previousSpecHash: deployed.specHash } : {}),
      ...notesOn(spec),
    });
  }
  const given = new Set(definitions.map(({ spec }) => spec.id));
  for (const { dagId } of await listDags(client)) {
    if (given.has(dagId)) continue;
    if (options.prune && !options.dryRun) {
      await client.schedule.getHandle(dagScheduleId(dagId)).delete();
      await stopAssetQueue(client, dagId);
    }
    results.push({ dagId, action: options.prune ? 'removed' : 'orphaned', specHash: '' });
  }
  return results;
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
    const next = schedule.info.nextActionTimes[0];
    dags.push({
      ...summary,
      isPaused: schedule.state.paused,
      ...(next === undefined ? {} : { nextRunAt: next.toISOString() }),
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

/** Stops or resumes the start of runs; a stream stops draining after its batch. @throws PipelineError DAG_NOT_FOUND */
export async function setPaused(
  client: Client,
  dagId: string,
  paused: boolean,
  reason: string,
): Promise<void> {
  const { spec } = await getDag(client, dagId);
  const schedule = client.schedule.getHandle(dagScheduleId(dagId));
  if (paused) await schedule.pause(reason);
  else await schedule.unpause(reason);
  await pauseAssetQueue(client, spec, paused);
  if (spec.schedule.kind !== 'stream') return;
  const stream = client.workflow.getHandle(streamWorkflowId(dagId));
  await stream.signal(paused ? pauseSignal : resumeSignal);
}

async function findDeployed(client: Client, dagId: string): Promise<DeployedDag | undefined> {
  try {
    const description = await client.schedule.getHandle(dagScheduleId(dagId)).describe();
    const { spec, specHash } = deployedInput(description);
    return {
      spec,
      specHash,
      isPaused: description.state.paused,
      pauseReason: description.state.paused ? (description.state.note ?? '') : '',
      nextRunTimes: description.info.nextActionTimes.map((time) => time.toISOString()),
      missedRuns: description.info.numActionsMissedCatchupWindow,
      skippedRuns: description.info.numActionsSkippedOverlap,
    };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

function deployedInput(description: ScheduleDescription): RunInput {
  const [input] = (description.action.args ?? []) as unknown[];
  return input as RunInput;
}

function scheduleOptions(spec: DagSpec, specHash: string, taskQueue: string): ScheduleOptions {
  const input: RunInput = { spec, specHash, runType: 'scheduled' };
  const attributes = new TypedSearchAttributes([
    { key: dagAttribute, value: spec.id },
    { key: modeAttribute, value: spec.mode },
  ]);
  return {
    scheduleId: dagScheduleId(spec.id),
    spec: temporalSpec(spec.schedule),
    ...('overlap' in spec.schedule
      ? {
          policies: {
            overlap: overlapPolicies[spec.schedule.overlap],
            catchupWindow: spec.schedule.catchupWindowMs,
            pauseOnFailure: false,
          },
        }
      : {}),
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

function temporalSpec(schedule: ScheduleSpec): ScheduleOptions['spec'] {
  switch (schedule.kind) {
    case 'manual':
    case 'stream':
    case 'asset':
      return {};
    case 'cron':
      return {
        cronExpressions: [schedule.cron],
        timezone: schedule.timezone,
        jitter: schedule.jitterMs,
        ...bounds(schedule),
      };
    case 'every':
      return {
        intervals: [{ every: schedule.everyMs, offset: schedule.offsetMs }],
        jitter: schedule.jitterMs,
        ...bounds(schedule),
      };
  }
}

function bounds(schedule: { readonly startAt?: string; readonly endAt?: string }): {
  startAt?: Date;
  endAt?: Date;
} {
  return {
    ...(schedule.startAt === undefined ? {} : { startAt: new Date(schedule.startAt) }),
    ...(schedule.endAt === undefined ? {} : { endAt: new Date(schedule.endAt) }),
  };
}

async function updateSchedule(
  client: Client,
  spec: DagSpec,
  specHash: string,
  taskQueue: string,
): Promise<void> {
  const next = scheduleOptions(spec, specHash, taskQueue);
  await client.schedule.getHandle(dagScheduleId(spec.id)).update((current) => ({
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
  }));
}

async function deployStream(
  client: Client,
  spec: DagSpec,
  specHash: string,
  taskQueue: string,
  isUpdate: boolean,
): Promise<void> {
  const handle = await client.workflow.start('streamDag', {
    workflowId: streamWorkflowId(spec.id),
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue,
    args: [{ spec, specHash }],
    typedSearchAttributes: new TypedSearchAttributes([
      { key: dagAttribute, value: spec.id },
      { key: modeAttribute, value: spec.mode },
    ]),
  });
  if (isUpdate) await handle.signal(deploySignal, { spec, specHash });
}
