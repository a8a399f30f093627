import { ApplicationFailure } from '@temporalio/workflow';
import type { DagSpec } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { RunInput, StageContext } from '../core/run/run.js';
import type { RunResult, TaskError } from '../core/run/run-result.js';
import type { Outcome } from './interpretation.js';
import { isWatched, reportEnd } from './report-run.js';
import { callBack } from './task-run.js';

/** What interpreting gave, and whether the run's time was up. */
export interface RunOutcome extends Outcome {
  readonly isTooLate?: boolean;
}

/** What a run that did not succeed is told by, in its failure and to its callback. */
export function problemOf(spec: DagSpec, { tasks, isTooLate }: RunOutcome): TaskError {
  if (isTooLate === true) {
    const { code, message } = lateness(spec);
    return { code, message };
  }
  const failed = tasks.filter((task) => task.state === 'failed');
  const causes = failed.map(
    ({ taskId, error }) =>
      `task "${taskId}" failed with ${error?.code ?? 'INTERNAL'}: ${error?.message ?? ''}`,
  );
  return { code: 'RUN_FAILED', message: `DAG "${spec.id}": ${causes.join('; ')}` };
}

/** What a run returns, or carries in its failure. */
export function resultOf(
  { spec, specHash }: RunInput,
  { interval }: StageContext,
  { state, tasks, counts }: RunOutcome,
): RunResult {
  return {
    dagId: spec.id,
    specHash,
    state: state === 'success' ? 'success' : 'failed',
    ...(interval === undefined ? {} : { interval }),
    tasks,
    counts,
  };
}

/** @throws ApplicationFailure RUN_FAILED with the result as its detail, where the run did not succeed. */
export function finish(result: RunResult, problem = ''): RunResult {
  if (result.state === 'success') return result;
  const failure = ApplicationFailure.create({
    type: 'RUN_FAILED',
    nonRetryable: true,
    message: problem.slice(0, limits.failureDetailMaxBytes),
    details: [result],
  });
  // Paths of the machine that built the package are of no use in a history.
  failure.stack = `RunFailed: ${failure.message}`;
  throw failure;
}

function lateness({ id, dagrunTimeoutMs = 0 }: DagSpec): PipelineError {
  return new PipelineError('RUN_TIMEOUT', { dagId: id, timeoutMs: dagrunTimeoutMs });
}

/** Whether somebody outside the run is to hear of its end: the watch of its DAG, or a callback. */
export function hasListeners(input: RunInput, { state }: RunResult): boolean {
  return isWatched(input) || input.spec.callbacks?.[endEvent(state)] === true;
}

/** Tells those of `hasListeners`. */
export async function tellListeners(
  input: RunInput,
  context: StageContext,
  { state }: RunResult,
  problem: TaskError | undefined,
): Promise<void> {
  if (isWatched(input)) await reportEnd(input, state);
  const event = endEvent(state);
  if (input.spec.callbacks?.[event] === true) await callBack(context, '', event, problem);
}

function endEvent(state: RunResult['state']): 'success' | 'failure' {
  return state === 'success' ? 'success' : 'failure';
}
