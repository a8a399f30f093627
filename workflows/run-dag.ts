import {
  ApplicationFailure,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { Activities } from '../core/activities.js';
import type { DataInterval } from '../core/interval.js';
import type { RunInput, RunResult } from '../core/run.js';
import { hasFireTimes } from '../core/schedule-spec.js';
import { runDetails } from './details.js';
import { Interpreter } from './interpreter.js';
import { statesQuery } from './messages.js';
import { reportEnd } from './report-run.js';

const runTypeAttribute = defineSearchAttributeKey('MillraceRunType', SearchAttributeType.KEYWORD);
const intervalStartAttribute = defineSearchAttributeKey(
  'MillraceIntervalStart',
  SearchAttributeType.DATETIME,
);
const scheduledStartAttribute = defineSearchAttributeKey(
  'TemporalScheduledStartTime',
  SearchAttributeType.DATETIME,
);

const { resolveInterval } = proxyLocalActivities<Pick<Activities, 'resolveInterval'>>({
  startToCloseTimeout: '10s',
});

/**
 * One run of a DAG: interprets the spec that it was started with, whatever is deployed meanwhile.
 *
 * @throws ApplicationFailure of type RUN_FAILED with the `RunResult` as its detail, where a leaf task failed.
 */
export async function runDag(input: RunInput): Promise<RunResult> {
  const { spec, specHash, runType } = input;
  const info = workflowInfo();
  const interval = input.interval ?? (await scheduledInterval(input));
  upsertSearchAttributes([
    { key: runTypeAttribute, value: runType },
    ...(interval === undefined ? [] : [{ key: intervalStartAttribute, value: new Date(interval.start) }]),
  ]);
  const interpreter: Interpreter = new Interpreter({
    spec,
    context: {
      dagId: spec.id,
      workflowId: info.workflowId,
      runId: info.runId,
      runType,
      ...(interval === undefined ? {} : { interval }),
      startedAt: info.startTime.toISOString(),
      params: { ...spec.params, ...input.params },
    },
    ...(input.replay === undefined ? {} : { replay: input.replay }),
    onChange: () => {
      setCurrentDetails(runDetails(spec, interpreter.states, interpreter.counts, interval));
    },
  });
  setHandler(statesQuery, () => interpreter.states);
  const { state, tasks, counts } = await interpreter.run();
  await reportEnd(input, state);
  const result: RunResult = {
    dagId: spec.id,
    specHash,
    state,
    ...(interval === undefined ? {} : { interval }),
    tasks,
    counts,
  };
  if (state === 'success') return result;
  const failed = tasks.filter((task) => task.error !== undefined);
  const failure = ApplicationFailure.create({
    type: 'RUN_FAILED',
    nonRetryable: true,
    message: `DAG "${spec.id}": ${failed.map((task) => `task "${task.taskId}" failed with ${task.error?.code ?? 'INTERNAL'}: ${task.error?.message ?? ''}`).join('; ')}`,
    details: [result],
  });
  // Paths of the machine that built the package are of no use in a history.
  failure.stack = `RunFailed: ${failure.message}`;
  throw failure;
}

/** The interval of a scheduled run ends at its nominal time: the attribute that the schedule sets before jitter. */
async function scheduledInterval({ spec, runType }: RunInput): Promise<DataInterval | undefined> {
  if (runType !== 'scheduled') return undefined;
  const nominal = workflowInfo().typedSearchAttributes.get(scheduledStartAttribute);
  if (nominal === undefined) return undefined;
  if (!hasFireTimes(spec.schedule)) return undefined;
  if (spec.schedule.kind === 'every' && spec.schedule.except.length === 0) {
    return {
      start: new Date(nominal.getTime() - spec.schedule.everyMs).toISOString(),
      end: nominal.toISOString(),
    };
  }
  return resolveInterval({ schedule: spec.schedule, nominalTime: nominal.toISOString() });
}
