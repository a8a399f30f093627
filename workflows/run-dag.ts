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
import type { DagSpec } from '../core/dag/dag-spec.js';
import type { DataInterval } from '../core/interval.js';
import { limits } from '../core/limits.js';
import { zeroCounts } from '../core/loading/manifest.js';
import type { Decision, RunInput, StageContext } from '../core/run/run.js';
import type { RunResult } from '../core/run/run-result.js';
import { hasExclusions, hasFireTimes } from '../core/schedule/schedule-spec.js';
import { runSlot, type SlotRequest } from '../core/pools/slot-requests.js';
import { selectTasks } from '../core/run/select-tasks.js';
import { Approvals } from './approvals.js';
import { RunDetails } from './details.js';
import { Interpreter } from './interpreter.js';
import { approvalsQuery, clearUpdate, decideSignal, decideUpdate, statesQuery } from './messages.js';
import { finish, hasListeners, problemOf, resultOf, tellListeners, type RunOutcome } from './run-end.js';
import { makeSnapshot } from './run-snapshot.js';
import { runAttributes, scheduledStartAttribute, type RunTraits } from './search-attributes.js';
import { SlotClient } from './slots.js';
import { handleRecall, takeOver, type Heritage } from './take-over.js';
import { RunTelling } from './tell-run.js';
import { watchDeadlines, type RunningDeadlines } from './task-run.js';

const { resolveInterval, deadlineBase } = proxyLocalActivities<
  Pick<Activities, 'resolveInterval' | 'deadlineBase'>
>({ startToCloseTimeout: '10s' });

/**
 * One run of a DAG: interprets the spec that it was started with, whatever is deployed meanwhile. A run whose history
 * grows long continues as new, with what it has done as a snapshot. Like a task, a run makes no promise for what it does
 * not ask for: see `runTask`.
 *
 * @throws ApplicationFailure of type RUN_FAILED with the `RunResult` as its detail, where a leaf task failed.
 */
export function runDag(input: RunInput): Promise<RunResult> {
  const running: Running = {};
  handleRecall(
    input,
    () => running.interval ?? input.interval,
    () => running.begun,
  );
  const interval = input.interval ?? scheduledInterval(input);
  return interval instanceof Promise
    ? interval.then((found) => runInterval(input, found, running))
    : runInterval(input, interval, running);
}

/** What is known of a run by now, for those who ask. */
interface Running {
  interval?: DataInterval;
  begun?: { heritage: Heritage; interpreter: Interpreter };
}

async function runInterval(
  input: RunInput,
  interval: DataInterval | undefined,
  running: Running,
): Promise<RunResult> {
  const spec = input.tasks === undefined ? input.spec : selectTasks(input.spec, input.tasks);
  if (interval !== undefined) running.interval = interval;
  completeAttributes({ spec, runType: input.runType, interval });
  const context = contextOf(input, interval);
  const approvals = new Approvals(input.carried?.decisions);
  const slots = new SlotClient(input.carried?.slots);
  const telling = new RunTelling(spec, input, context);
  telling.started();
  const details = new RunDetails(spec);
  const heritage = isFirst(input) ? firstHeritage(input) : await takeOverAloud(input, telling);
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
  const deadlines =
    spec.deadlines === undefined
      ? undefined
      : await startDeadlines(spec.deadlines, spec, context, input.carried !== undefined);
  const [turn] = runSlot(spec);
  let outcome: RunOutcome | undefined;
  try {
    if (mustTakeTurn(turn, input)) await takeTurn(spec, turn, slots);
    outcome = await runInTime(spec, context, interpreter);
  } catch (error) {
    if (isCancellation(error)) telling.ended({ state: 'cancelled', tasks: [], counts: interpreter.counts });
    throw error;
  } finally {
    if (deadlines !== undefined) await deadlines.stop();
    // A run that continues as new keeps its turn.
    if (turn !== undefined && outcome?.state !== 'yielded') void slots.release(turn.leaseId);
    if (!slots.isSettled) await slots.settle();
  }
  if (outcome.state === 'yielded') return goOn(input, context, interpreter, approvals, slots);
  const result = resultOf(input, context, outcome);
  telling.ended({ ...outcome, state: result.state });
  const problem = result.state === 'success' ? undefined : problemOf(spec, outcome);
  if (hasListeners(input, result)) await tellListeners(input, context, result, problem);
  return finish(result, problem?.message);
}

/** Continues as new, with what is done as a snapshot. */
async function goOn(
  input: RunInput,
  context: StageContext,
  interpreter: Interpreter,
  approvals: Approvals,
  slots: SlotClient,
): Promise<never> {
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

function firstHeritage({ tries = {} }: RunInput): Heritage {
  return { entries: [], tries };
}

/** Whether nothing was done before, and all of the DAG is to be done. */
function isFirst({ rerun, snapshot, tasks }: RunInput): boolean {
  return rerun === undefined && snapshot === undefined && tasks === undefined;
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
function runInTime(
  { dagrunTimeoutMs }: DagSpec,
  { startedAt }: StageContext,
  interpreter: Interpreter,
): Promise<RunOutcome> {
  if (dagrunTimeoutMs === undefined) return interpreter.run();
  return runUntil(Date.parse(startedAt) + dagrunTimeoutMs, interpreter);
}

async function runUntil(endsAtMs: number, interpreter: Interpreter): Promise<RunOutcome> {
  const tasks = new CancellationScope();
  const clock = new CancellationScope();
  let isTooLate = false;
  const remainingMs = Math.max(endsAtMs - Date.now(), 1);
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

/** A run that continues as new has its turn; runs of a version that kept no count of a DAG's runs go on without one. */
function mustTakeTurn(turn: SlotRequest | undefined, { carried }: RunInput): turn is SlotRequest {
  return turn !== undefined && carried === undefined && patched('run-turn');
}

/** Waits until fewer runs of the DAG than `maxActiveRuns` are at work. */
async function takeTurn({ id }: DagSpec, turn: SlotRequest, slots: SlotClient): Promise<void> {
  setCurrentDetails(`**${id}** · queued: at most ${String(turn.limit)} runs at a time`);
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

/** Alerts of the run as a whole. */
async function startDeadlines(
  deadlines: NonNullable<DagSpec['deadlines']>,
  spec: DagSpec,
  context: StageContext,
  isContinued: boolean,
): Promise<RunningDeadlines> {
  const delaysMs: number[] = [];
  for (const { reference, intervalMs } of deadlines) {
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
function scheduledInterval({
  spec,
  runType,
}: RunInput): DataInterval | undefined | Promise<DataInterval | undefined> {
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
