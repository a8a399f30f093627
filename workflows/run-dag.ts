import {
  ApplicationFailure,
  CancellationScope,
  continueAsNew,
  isCancellation,
  patched,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import type { DagSpec } from '../core/dag-spec.js';
import type { DataInterval } from '../core/interval.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import { zeroCounts } from '../core/manifest.js';
import type { Decision, RunInput, RunResult, StageContext } from '../core/run.js';
import { hasExclusions, hasFireTimes } from '../core/schedule-spec.js';
import { runSlot } from '../core/slot-requests.js';
import { selectTasks } from '../core/select-tasks.js';
import { Approvals } from './approvals.js';
import { RunDetails } from './details.js';
import { Interpreter, type Outcome } from './interpreter.js';
import { approvalsQuery, clearUpdate, decideSignal, decideUpdate, statesQuery } from './messages.js';
import { reportEnd } from './report-run.js';
import { makeSnapshot } from './run-snapshot.js';
import { runAttributes, scheduledStartAttribute, type RunTraits } from './search-attributes.js';
import { SlotClient } from './slots.js';
import { handleRecall, takeOver, type Heritage } from './take-over.js';
import { RunTelling } from './tell-run.js';
import { callBack, watchDeadlines, type RunningDeadlines } from './task-run.js';

const { resolveInterval, deadlineBase } = proxyLocalActivities<
  Pick<Activities, 'resolveInterval' | 'deadlineBase'>
>({ startToCloseTimeout: '10s' });

/** What interpreting gave, and whether the run's time was up. */
interface RunOutcome extends Outcome {
  readonly isTooLate?: boolean;
}

/**
 * One run of a DAG: interprets the spec that it was started with, whatever is deployed meanwhile. A run whose history
 * grows long continues as new, with what it has done as a snapshot.
 *
 * @throws ApplicationFailure of type RUN_FAILED with the `RunResult` as its detail, where a leaf task failed.
 */
export async function runDag(input: RunInput): Promise<RunResult> {
  const { runType } = input;
  const spec = input.tasks === undefined ? input.spec : selectTasks(input.spec, input.tasks);
  const running: { interval?: DataInterval; begun?: { heritage: Heritage; interpreter: Interpreter } } = {};
  handleRecall(
    input,
    () => running.interval ?? input.interval,
    () => running.begun,
  );
  const interval = input.interval ?? (await scheduledInterval(input));
  if (interval !== undefined) running.interval = interval;
  completeAttributes({ spec, runType, interval });
  const context = contextOf(input, interval);
  const approvals = new Approvals(input.carried?.decisions);
  const slots = new SlotClient(input.carried?.slots);
  const telling = new RunTelling(spec, input, context);
  telling.started();
  const details = new RunDetails(spec);
  const heritage = await takeOverAloud(input, telling);
  const interpreter: Interpreter = new Interpreter({
    ...heritage,
    spec,
    context,
    schedule: spec.schedule,
    approvals,
    slots,
    ...(input.replay === undefined ? {} : { replay: input.replay }),
    mustYield: () => workflowInfo().historyLength > limits.runYieldEvents,
    onChange: () => {
      setCurrentDetails(details.markdown(interpreter, interval, approvals.asking));
      telling.changed(interpreter.states);
    },
  });
  running.begun = { heritage, interpreter };
  handleMessages(interpreter, approvals, spec);
  const deadlines = await startDeadlines(spec, context, input.carried !== undefined);
  let outcome: RunOutcome | undefined;
  try {
    if (input.carried === undefined) await takeTurn(spec, slots);
    outcome = await runInTime(spec, context, interpreter);
  } catch (error) {
    if (isCancellation(error)) telling.ended({ state: 'cancelled', tasks: [], counts: interpreter.counts });
    throw error;
  } finally {
    await deadlines.stop();
    // A run that continues as new keeps its turn.
    if (outcome?.state !== 'yielded') void slots.release(runSlot(spec)[0]?.leaseId ?? '');
    await slots.settle();
  }
  if (outcome.state === 'yielded') {
    const snapshot = await makeSnapshot(interpreter.entries);
    return continueAsNew<typeof runDag>({
      ...lastingInput(input, context),
      tries: interpreter.tries,
      snapshot,
      carried: {
        ...carriedOf(input, context),
        decisions: approvals.answers,
        slots: slots.carried,
      },
    });
  }
  const state = outcome.state === 'success' ? 'success' : 'failed';
  telling.ended({ ...outcome, state });
  await reportEnd(input, state);
  return finish(input, context, { ...outcome, state });
}

/** Takes over what former executions have done, and tells the run ledger of it. */
async function takeOverAloud(input: RunInput, telling: RunTelling): Promise<Heritage> {
  try {
    const heritage = await takeOver(input);
    if (input.rerun !== undefined) telling.kept(heritage.entries);
    return heritage;
  } catch (error) {
    telling.ended({ state: isCancellation(error) ? 'cancelled' : 'failed', tasks: [], counts: zeroCounts });
    throw error;
  }
}

/** What every execution of a run is started with. */
function lastingInput({ rerun: _rerun, ...lasting }: RunInput, { interval }: StageContext): RunInput {
  return { ...lasting, ...(interval === undefined ? {} : { interval }) };
}

function carriedOf(
  { rerun, carried }: RunInput,
  { startedAt }: StageContext,
): Pick<NonNullable<RunInput['carried']>, 'startedAt' | 'formerRunId'> {
  const formerRunId = rerun?.formerRunId ?? carried?.formerRunId;
  return { startedAt, ...(formerRunId === undefined ? {} : { formerRunId }) };
}

/** Runs the tasks, for as long as the run may take: then what has not ended is cancelled, and teardowns run. */
async function runInTime(
  { dagrunTimeoutMs }: DagSpec,
  { startedAt }: StageContext,
  interpreter: Interpreter,
): Promise<RunOutcome> {
  if (dagrunTimeoutMs === undefined) return interpreter.run();
  const tasks = new CancellationScope();
  const clock = new CancellationScope();
  let isTooLate = false;
  const remainingMs = Math.max(Date.parse(startedAt) + dagrunTimeoutMs - Date.now(), 1);
  const ticking = clock.run(async () => {
    await sleep(remainingMs, { summary: 'dagrunTimeout' });
    isTooLate = true;
    tasks.cancel();
  });
  try {
    return await tasks.run(() => interpreter.run());
  } catch (error) {
    if (!isTooLate || !isCancellation(error)) throw error;
    return { state: 'failed', isTooLate, tasks: interpreter.results, counts: interpreter.counts };
  } finally {
    clock.cancel();
    await ticking.catch(() => undefined);
  }
}

/** Writes the search attributes that the start did not give: an upsert is an event of its own. */
function completeAttributes(traits: RunTraits): void {
  const { typedSearchAttributes } = workflowInfo();
  const missing = runAttributes(traits).filter(
    ({ key, value }) => JSON.stringify(typedSearchAttributes.get(key)) !== JSON.stringify(value),
  );
  if (missing.length > 0) upsertSearchAttributes(missing);
}

/** Waits until fewer runs of the DAG than `maxActiveRuns` are at work. */
async function takeTurn(spec: DagSpec, slots: SlotClient): Promise<void> {
  const [turn] = runSlot(spec);
  // Runs of a version that kept no count of a DAG's runs go on without a turn.
  if (turn === undefined || !patched('run-turn')) return;
  setCurrentDetails(`**${spec.id}** · queued: at most ${String(turn.limit)} runs at a time`);
  await slots.acquire(turn);
}

function contextOf(
  { spec, runType, params, carried, assetEvents }: RunInput,
  interval: DataInterval | undefined,
): StageContext {
  const info = workflowInfo();
  return {
    dagId: spec.id,
    workflowId: info.workflowId,
    // A run that continues as new stays one run.
    runId: info.firstExecutionRunId,
    runType,
    ...(interval === undefined ? {} : { interval }),
    startedAt: carried?.startedAt ?? info.startTime.toISOString(),
    params: { ...spec.params, ...params },
    ...(assetEvents === undefined ? {} : { assetEvents }),
  };
}

function handleMessages(interpreter: Interpreter, approvals: Approvals, spec: DagSpec): void {
  const isApproval = (taskId: string): boolean =>
    spec.tasks.some(
      (task) => task.id === taskId && (task.kind === 'approval' || task.kind === 'anomaly-gate'),
    );
  setHandler(statesQuery, () => interpreter.states);
  setHandler(approvalsQuery, () => approvals.asking);
  setHandler(decideSignal, (decision) => {
    // Nobody hears of a signal that does not fit; it leaves the question open.
    if (isApproval(decision.taskId) && isAnswer(decision)) approvals.decide(decision);
  });
  setHandler(decideUpdate, (decision) => approvals.decide(decision), {
    validator: (answer: Decision) => {
      const { taskId } = answer;
      if (!isAnswer(answer))
        throw ApplicationFailure.nonRetryable(
          `"${answer.decision}" is no answer; use "approved" or "rejected"`,
          'APPROVAL_UNKNOWN',
        );
      if (!isApproval(taskId))
        throw ApplicationFailure.nonRetryable(
          `"${taskId}" is no approval task of this run`,
          'APPROVAL_UNKNOWN',
        );
    },
  });
  setHandler(clearUpdate, (taskIds) => interpreter.clear(taskIds));
}

function isAnswer({ decision }: { readonly decision: unknown }): boolean {
  return decision === 'approved' || decision === 'rejected';
}

async function finish(
  input: RunInput,
  context: StageContext,
  outcome: RunOutcome & { readonly state: RunResult['state'] },
): Promise<RunResult> {
  const { spec, specHash } = input;
  const { state, tasks, counts } = outcome;
  const { interval } = context;
  const result: RunResult = {
    dagId: spec.id,
    specHash,
    state,
    ...(interval === undefined ? {} : { interval }),
    tasks,
    counts,
  };
  const failed = tasks.filter((task) => task.state === 'failed');
  const late = outcome.isTooLate === true ? lateness(spec) : undefined;
  const message =
    late?.message ??
    `DAG "${spec.id}": ${failed.map((task) => `task "${task.taskId}" failed with ${task.error?.code ?? 'INTERNAL'}: ${task.error?.message ?? ''}`).join('; ')}`;
  const event = state === 'success' ? 'success' : 'failure';
  if (spec.callbacks?.[event] === true)
    await callBack(
      context,
      '',
      event,
      state === 'success' ? undefined : { code: late?.code ?? 'RUN_FAILED', message },
    );
  if (state === 'success') return result;
  const failure = ApplicationFailure.create({
    type: 'RUN_FAILED',
    nonRetryable: true,
    message: message.slice(0, limits.failureDetailMaxBytes),
    details: [result],
  });
  // Paths of the machine that built the package are of no use in a history.
  failure.stack = `RunFailed: ${failure.message}`;
  throw failure;
}

function lateness({ id, dagrunTimeoutMs = 0 }: DagSpec): PipelineError {
  return new PipelineError('RUN_TIMEOUT', { dagId: id, timeoutMs: dagrunTimeoutMs });
}

/** Alerts of the run as a whole. */
async function startDeadlines(
  spec: DagSpec,
  context: StageContext,
  isContinued: boolean,
): Promise<RunningDeadlines> {
  const delaysMs: number[] = [];
  for (const { reference, intervalMs } of spec.deadlines ?? []) {
    const baseMs = await baseOf(spec, context, reference);
    const delayMs = baseMs === undefined ? Number.POSITIVE_INFINITY : baseMs + intervalMs - Date.now();
    // What had passed when the run continued as new, its former execution has told.
    delaysMs.push(isContinued && delayMs <= 0 ? Number.POSITIVE_INFINITY : delayMs);
  }
  return watchDeadlines(context, '', delaysMs);
}

async function baseOf(
  spec: DagSpec,
  { interval, startedAt }: StageContext,
  reference: NonNullable<DagSpec['deadlines']>[number]['reference'],
): Promise<number | undefined> {
  switch (reference.kind) {
    case 'queued-at':
      return Date.parse(startedAt);
    case 'logical-date':
      return interval === undefined ? undefined : Date.parse(interval.start);
    case 'fixed':
      return Date.parse(reference.at);
    case 'average-runtime': {
      const averageMs = await deadlineBase({ dagId: spec.id, reference });
      return averageMs === null ? undefined : Date.parse(startedAt) + averageMs;
    }
  }
}

/** The interval of a scheduled run ends at its nominal time: the attribute that the schedule sets before jitter. */
async function scheduledInterval({ spec, runType }: RunInput): Promise<DataInterval | undefined> {
  if (runType !== 'scheduled') return undefined;
  const nominal = workflowInfo().typedSearchAttributes.get(scheduledStartAttribute);
  if (nominal === undefined) return undefined;
  if (!hasFireTimes(spec.schedule)) return undefined;
  if (spec.schedule.kind === 'every' && !hasExclusions(spec.schedule)) {
    return {
      start: new Date(nominal.getTime() - spec.schedule.everyMs).toISOString(),
      end: nominal.toISOString(),
    };
  }
  return resolveInterval({ schedule: spec.schedule, nominalTime: nominal.toISOString() });
}
