import { ApplicationFailure, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import { PipelineError } from '../core/errors/index.js';
import type { DataInterval } from '../core/interval.js';
import type { RunInput } from '../core/run/run.js';
import { type SnapshotEntry } from '../core/run/run-snapshot.js';
import { recallPage, type RunRecall } from '../core/run/run-recall.js';
import { missingInputs } from '../core/run/select-tasks.js';
import type { Interpreter } from './interpreter.js';
import { recallEntriesQuery, recallQuery } from './messages.js';
import { readEntries } from './run-snapshot.js';

const { recallRun } = proxyActivities<Pick<Activities, 'recallRun'>>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '30s',
  summary: 'take over what the run has done before',
});

/** What former executions of the run have done. */
export interface Heritage {
  readonly entries: readonly SnapshotEntry[];
  readonly tries: Readonly<Record<string, number>>;
}

/**
 * Takes over what former executions of the run have done.
 *
 * @throws ApplicationFailure FORMER_RUN_MISSING, where chosen tasks receive something that is nowhere
 */
export async function takeOver(input: RunInput): Promise<Heritage> {
  const heritage = await inherit(input);
  if (input.tasks === undefined) return heritage;
  const missing = missingInputs(input.spec, input.tasks, heritage.entries);
  if (missing.length === 0) return heritage;
  const error = new PipelineError('FORMER_RUN_MISSING', {
    id: workflowInfo().workflowId,
    taskId: missing.map(({ taskId }) => taskId).join(', '),
    missing: [...new Set(missing.flatMap((one) => one.missing))].join(', '),
  });
  throw ApplicationFailure.nonRetryable(error.message, error.code);
}

async function inherit({ rerun, snapshot, tries = {} }: RunInput): Promise<Heritage> {
  if (rerun === undefined)
    return { entries: snapshot === undefined ? [] : await readEntries(snapshot), tries };
  const recalled = await recallRun({ workflowId: workflowInfo().workflowId, rerun });
  return { entries: await readEntries(recalled.snapshot), tries: recalled.tries };
}

/** Answers what this execution has done, from its first moment on and after its end. */
export function handleRecall(
  input: RunInput,
  interval: () => DataInterval | undefined,
  begun: () => { readonly heritage: Heritage; readonly interpreter: Interpreter } | undefined,
): void {
  const { snapshot: _snapshot, carried: _carried, rerun, ...lasting } = input;
  const { continuedFromExecutionRunId } = workflowInfo();
  setHandler(recallQuery, (): RunRecall => {
    const from = interval();
    return {
      input: { ...lasting, ...(from === undefined ? {} : { interval: from }) },
      hasBegun: begun() !== undefined,
      tries: begun()?.heritage.tries ?? input.tries ?? {},
      ...(rerun !== undefined
        ? { former: rerun }
        : continuedFromExecutionRunId !== undefined
          ? { former: { formerRunId: continuedFromExecutionRunId, clear: [] } }
          : {}),
    };
  });
  setHandler(recallEntriesQuery, (from) => recallPage(begun()?.interpreter.entries ?? [], from));
}
