import {
  ParentClosePolicy,
  proxyActivities,
  proxyLocalActivities,
  sleep,
  startChild,
  WorkflowIdReusePolicy,
  type ActivityOptions,
  type LocalActivityOptions,
} from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import { reviewTimeout, type BatchDecision } from '../core/quality/anomaly.js';
import type { EmittedOutput } from '../core/assets/asset-event.js';
import type {
  AnomalyGateTask,
  ApprovalTask,
  SwitchTask,
  TaskSpec,
  TimerTask,
  TriggerDagTask,
} from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { manualWorkflowId } from '../core/ids.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import { isManifest, type Manifest } from '../core/loading/manifest.js';
import type { RunInput, StageContext, StageRequest } from '../core/run/run.js';
import { inlineValue, isInline, type TaskOutput } from '../core/run/task-output.js';
import { workOf } from '../core/dag/task-spec.js';
import { activityOptions, localActivityOptions, pokeOptions } from './activity-options.js';
import type { Approvals } from './approvals.js';
import { runAttributes } from './search-attributes.js';
import type { SlotClient } from './slots.js';
import { isTimeout } from './task-error.js';

/** What a task may ask of the run that it belongs to. */
export interface TaskScope {
  readonly context: StageContext;
  /** Schedule of the DAG, for what depends on later intervals. */
  readonly schedule: RunInput['spec']['schedule'];
  readonly approvals: Approvals;
  readonly slots: SlotClient;
  readonly replay?: RunInput['replay'];
  readonly waitMs?: number;
  /** What an upstream task handed on; null where it handed on nothing. */
  output(taskId: string): TaskOutput;
  /** When a wait of this task began, also in an earlier execution of the run. */
  sinceMs(taskId: string): number;
  /** Tries that the task had before it was cleared. */
  priorTries(taskId: string): number;
  /** Load tasks that take the rows of an extract task, and those of them that every run is meant to do. */
  loadsOf(extractTaskId: string): Required<Pick<StageRequest<unknown>, 'loads' | 'loadsOfEveryRun'>>;
  /** Runs a wait that the run may break off, to go on with it in its next execution. */
  interruptible<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Follows how a wait of rows for a stream is broken off. */
  interruptibleRead<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** A try that the workflow itself counts. */
export interface CountedTry {
  readonly tryNumber: number;
  /** Tries before this one that the source throttled, which count as none. */
  readonly throttled?: number;
  /** When the tries and the waits between them have to be over, milliseconds since 1970; infinite for no bound. */
  readonly endsAtMs: number;
}

const looks = proxyLocalActivities<Pick<Activities, 'lookUpDag' | 'isLatest' | 'settleBatch'>>({
  startToCloseTimeout: '30s',
});

/**
 * Runs one try of a task, of whatever kind, and returns what it hands on. It throws at once where the task cannot begin,
 * and makes no promise beyond the one of the task's work.
 */
export function executeTask(
  task: TaskSpec,
  scope: TaskScope,
  counted?: CountedTry,
): Promise<TaskOutput | EmittedOutput> | TaskOutput {
  const { context, replay } = scope;
  const stages = proxyActivities<Activities>(
    counted === undefined ? activityOptions(task, context) : oneTry(activityOptions(task, context), counted),
  );
  const priorTries = scope.priorTries(task.id);
  const tries = {
    ...(counted === undefined ? {} : { tryNumber: counted.tryNumber }),
    ...(priorTries === 0 ? {} : { priorTries }),
  };
  const replayed = replay === undefined ? {} : { replayQuarantineIds: replay.quarantineIds };
  switch (task.kind) {
    case 'extract': {
      const { waitMs } = scope;
      const request = {
        ...{ context, task, ...tries, ...replayed },
        ...(counted === undefined ? { countsTries: true as const } : {}),
        ...(task.config.read === 'cursor' ? scope.loadsOf(task.id) : {}),
        ...(waitMs === undefined ? {} : { waitMs }),
      };
      if (waitMs === undefined) return stages.extract(request);
      return scope.interruptibleRead(() => stages.extract(request));
    }
    case 'validate':
      return stages.validate({ context, task, ...tries, input: manifestOf(scope, task.input) });
    case 'transform':
      return stages.transform({ context, task, ...tries, input: manifestOf(scope, task.input) });
    case 'check':
      return stages.check({ context, task, ...tries, input: manifestOf(scope, task.input) });
    case 'anomaly-gate':
      return passGate(task, scope, stages, { ...tries, ...replayed });
    case 'load':
      return stages.load({ context, task, ...tries, ...replayed, input: manifestOf(scope, task.input) });
    case 'identity':
      return stages.resolveIdentity({ context, task, ...tries });
    case 'function':
    case 'branch':
    case 'short-circuit': {
      const request = { context, task: workOf(task), ...tries, inputs: inputsOf(task, scope) };
      if (task.short !== true) return stages.runFunction(request);
      const options = localActivityOptions(task, context);
      return proxyLocalActivities<Activities>(
        counted === undefined ? options : oneTry(options, counted),
      ).runFunction(request);
    }
    case 'switch':
      return choose(task, scope);
    case 'latest-only':
      return isLatest(scope);
    case 'empty':
      return null;
    case 'sensor':
    case 'dag-sensor':
      return sense(task, scope);
    case 'timer':
      return waitUntil(task, scope);
    case 'trigger-dag':
      return triggerDag(task, scope);
    case 'approval':
      return approve(task, scope);
  }
}

function oneTry<Options extends ActivityOptions | LocalActivityOptions>(
  options: Options,
  { endsAtMs }: CountedTry,
): Options {
  return {
    ...options,
    ...(Number.isFinite(endsAtMs) ? { scheduleToCloseTimeout: Math.max(endsAtMs - Date.now(), 1) } : {}),
    retry: { ...options.retry, maximumAttempts: 1 },
  };
}

function manifestOf(scope: TaskScope, taskId: string): Manifest {
  const output = scope.output(taskId);
  if (isManifest(output)) return output;
  throw new PipelineError('UPSTREAM_MISSING', { taskId });
}

/** Results of upstream tasks by argument name; elements of a mapping are filled in where the function runs. */
function inputsOf(
  task: { readonly inputs: Readonly<Record<string, string>> },
  scope: TaskScope,
): Record<string, TaskOutput> {
  return Object.fromEntries(
    Object.entries(task.inputs)
      .filter(([, from]) => !from.startsWith('$'))
      .map(([name, from]) => [name, scope.output(from)]),
  );
}

/** The targets of the case that the value selects. */
function choose({ id, input, path, cases, otherwise }: SwitchTask, scope: TaskScope): string[] {
  const output = scope.output(input);
  if (!isInline(output))
    throw new PipelineError('RESULT_INVALID', {
      taskId: input,
      actual: 'a long list',
      expected: `a value for switch "${id}"`,
    });
  let value: JsonValue | undefined = inlineValue(output);
  for (const name of path?.split('.') ?? [])
    value = typeof value === 'object' && value !== null && !Array.isArray(value) ? value[name] : undefined;
  const key = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return [...(Object.hasOwn(cases, key) ? (cases[key] ?? otherwise) : otherwise)];
}

/** Runs that belong to no schedule, and the newest interval, count as the latest (Airflow's rule). */
async function isLatest({ context, schedule }: TaskScope): Promise<boolean> {
  if (context.interval === undefined || context.runType === 'manual') return true;
  return looks.isLatest({ schedule, interval: context.interval, now: new Date().toISOString() });
}

async function sense(
  task: Extract<TaskSpec, { readonly poke: unknown }>,
  scope: TaskScope,
): Promise<TaskOutput | EmittedOutput> {
  const remainingMs = Math.max(scope.sinceMs(task.id) + task.poke.timeoutMs - Date.now(), 1);
  const { context } = scope;
  const activities = proxyActivities<Activities>(
    pokeOptions(task, context, { pokeIntervalMs: task.poke.pokeIntervalMs, remainingMs }),
  );
  try {
    return await scope.interruptible(() =>
      task.kind === 'sensor'
        ? activities.poke({ context, task, inputs: inputsOf(task, scope) })
        : activities.pokeDag({ context, task }),
    );
  } catch (error) {
    if (!task.poke.softFail || !isTimeout(error)) throw error;
    throw new PipelineError('TASK_SKIPPED', {
      taskId: task.id,
      reason: 'what it waited for did not come to hold in time',
    });
  }
}

async function waitUntil({ id, until }: TimerTask, scope: TaskScope): Promise<null> {
  const { interval, startedAt } = scope.context;
  const atMs =
    until.kind === 'instant'
      ? Date.parse(until.at)
      : until.kind === 'after-interval'
        ? Date.parse(interval?.end ?? startedAt) + until.delayMs
        : scope.sinceMs(id) + until.delayMs;
  const remainingMs = atMs - Date.now();
  if (remainingMs > 0) await scope.interruptible(() => sleep(remainingMs, { summary: id }));
  return null;
}

/**
 * Lets a batch through, at once or when a person accepts it, or when the time for that is over and the task says so. What is
 * decided is kept. Where a person and the end of the time meet, the store says who was first.
 */
async function passGate(
  task: AnomalyGateTask,
  scope: TaskScope,
  stages: Pick<Activities, 'compareBatch'>,
  tries: Pick<StageRequest<AnomalyGateTask>, 'tryNumber' | 'priorTries' | 'replayQuarantineIds'>,
): Promise<Manifest> {
  const { onAnomaly, reviewWithinMs, onTimeout } = task.config;
  const input = manifestOf(scope, task.input);
  const { manifest, profileId, open } = await stages.compareBatch({
    context: scope.context,
    task,
    ...tries,
    input,
  });
  if (open === 0 || onAnomaly === 'flag') return manifest;
  const remainingMs =
    reviewWithinMs === undefined
      ? undefined
      : Math.max(scope.sinceMs(task.id) + reviewWithinMs - Date.now(), 1);
  const answer = await scope.interruptible(() => scope.approvals.wait(task.id, remainingMs));
  const own: BatchDecision =
    answer === undefined
      ? {
          decision: onTimeout === 'accept' ? 'accepted' : 'rejected',
          by: reviewTimeout,
          comment: 'nobody answered in time',
        }
      : {
          decision: answer.decision === 'approved' ? 'accepted' : 'rejected',
          by: answer.by,
          comment: answer.comment,
        };
  const { decision, by, comment } = (await looks.settleBatch({ profileId, ...own })) ?? own;
  if (decision === 'accepted') return manifest;
  throw new PipelineError('ANOMALY_REJECTED', { task: task.id, by, comment });
}

async function approve(task: ApprovalTask, scope: TaskScope): Promise<TaskOutput> {
  const { timeoutMs, onReject, onTimeout } = task;
  const remainingMs =
    timeoutMs === undefined ? undefined : Math.max(scope.sinceMs(task.id) + timeoutMs - Date.now(), 1);
  const answer = await scope.interruptible(() => scope.approvals.wait(task.id, remainingMs));
  const result = answer ?? {
    decision: onTimeout === 'approve' ? ('approved' as const) : ('rejected' as const),
    by: 'timeout',
    comment: 'nobody answered in time',
  };
  if (result.decision === 'approved') return result;
  const ending = answer === undefined && onTimeout !== 'reject' ? onTimeout : onReject;
  if (ending === 'skip')
    throw new PipelineError('TASK_SKIPPED', { taskId: task.id, reason: `rejected by ${result.by}` });
  throw new PipelineError('APPROVAL_REFUSED', { taskId: task.id, by: result.by, comment: result.comment });
}

/** Starts a run of another DAG under an id of its own, so that a repeat finds the run instead of starting a second. */
async function triggerDag(task: TriggerDagTask, scope: TaskScope): Promise<TaskOutput> {
  const { context } = scope;
  const inputs = Object.fromEntries(
    Object.entries(inputsOf(task, scope)).map(([name, value]) => [name, inlineValue(value)]),
  );
  const params = { ...task.params, ...inputs } satisfies JsonObject;
  const { spec, specHash } = await looks.lookUpDag({ dagId: task.dagId, params });
  const { interval } = context;
  const run: RunInput = {
    spec,
    specHash,
    runType: 'manual',
    ...(task.interval === 'same' && interval !== undefined ? { interval } : {}),
    params,
    triggeredBy: context.workflowId,
  };
  const instance = context.mapIndex === undefined ? '' : `-${String(context.mapIndex)}`;
  const workflowId = manualWorkflowId(task.dagId, `${context.workflowId}-${task.id}${instance}`);
  const child = await startChild('runDag', {
    workflowId,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    parentClosePolicy: ParentClosePolicy.ABANDON,
    args: [run],
    staticSummary: `${task.dagId} · by ${context.dagId}`,
    typedSearchAttributes: runAttributes(run),
  });
  if (task.wait) await child.result();
  return { workflowId };
}
