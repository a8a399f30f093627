import { AssetCollector } from '../assets/asset.js';
import { readDagSchedule } from './asset-schedule.js';
import { dagDefaults } from './dag-defaults.js';
import { dagFunctionsKey, type DagDefinition, type TaskFunctions } from './dag-definition.js';
import type { DagDeadlineOptions, DagOptions } from './dag-options.js';
import type { DagMode, DagSpec, ScheduleSpec } from './dag-spec.js';
import { PipelineError } from '../errors/index.js';
import { parseInstant } from '../interval.js';
import { readParams } from './param.js';
import { SpecDraft } from './spec-draft.js';
import { callbacksOf } from './task-base.js';
import { createTaskBuilder } from './task-builder.js';
import type { DeadlineReference, DeadlineSpec } from './task-spec.js';
import { validateSpec } from './validate-spec.js';

/**
 * Builds a DAG from an author's description: a plain spec, and beside it the functions that a worker looks up by
 * `dagId/taskId`. Nothing runs here.
 *
 * @throws PipelineError DAG_INVALID listing every problem at once.
 */
export function defineDag(options: DagOptions): DagDefinition {
  const problems: string[] = [];
  const assets = new AssetCollector(problems);
  const schedule = readDagSchedule(options.schedule ?? 'manual', assets, problems);
  const draft = new SpecDraft(options.id, schedule, problems, assets);
  options.tasks(createTaskBuilder(draft, options.defaultArgs ?? {}));
  const callbacks = callbacksOf(options);
  const deadlines = (options.deadlines ?? []).map((deadline) => readDeadline(draft, deadline));
  const spec: DagSpec = {
    specVersion: 1,
    id: options.id,
    description: options.description ?? '',
    owner: options.owner ?? dagDefaults.owner,
    tags: options.tags ?? [],
    schedule,
    mode: options.mode ?? modeOf(schedule),
    ...(options.pausedUponCreation === true ? { pausedUponCreation: true as const } : {}),
    ...(options.maxActiveRuns === undefined ? {} : { maxActiveRuns: options.maxActiveRuns }),
    maxActiveTasks: options.maxActiveTasks ?? dagDefaults.maxActiveTasks,
    ...readParams(options.params ?? {}),
    ...readVerdict(draft, options),
    ...(callbacks === undefined ? {} : { callbacks: callbacks.spec }),
    ...(deadlines.length === 0 ? {} : { deadlines }),
    tasks: draft.finish(),
    ...(draft.groups.length === 0 ? {} : { groups: draft.groups }),
    ...assets.spec,
  };
  problems.push(...validateSpec(spec));
  if (problems.length > 0) throw new PipelineError('DAG_INVALID', { dagId: options.id, problems });
  const ofTheRun: TaskFunctions = {
    ...(callbacks === undefined ? {} : { callbacks: callbacks.functions }),
    ...(deadlines.length === 0 ? {} : { deadlines: (options.deadlines ?? []).map(({ run }) => run) }),
  };
  const functions =
    Object.keys(ofTheRun).length === 0
      ? draft.functions
      : { ...draft.functions, [dagFunctionsKey]: ofTheRun };
  return { spec, functions };
}

/** When a run fails. */
function readVerdict(
  draft: SpecDraft,
  { failOn, failFast, dagrunTimeout }: DagOptions,
): Pick<DagSpec, 'failOn' | 'failFast' | 'dagrunTimeoutMs'> {
  return {
    ...(failOn === 'any' ? { failOn } : {}),
    ...(failFast === true ? { failFast } : {}),
    ...(dagrunTimeout === undefined
      ? {}
      : { dagrunTimeoutMs: draft.duration(dagrunTimeout, 'dagrunTimeout') }),
  };
}

function modeOf(schedule: ScheduleSpec): DagMode {
  if (schedule.kind === 'stream') return 'real-time';
  return schedule.kind === 'every' && schedule.everyMs <= dagDefaults.nearRealTimeMaxMs
    ? 'near-real-time'
    : 'batch';
}

function readDeadline(draft: SpecDraft, { reference, interval }: DagDeadlineOptions): DeadlineSpec {
  return {
    reference: readReference(draft, reference),
    intervalMs: draft.duration(interval, 'deadlines.interval'),
  };
}

function readReference(draft: SpecDraft, reference: DagDeadlineOptions['reference']): DeadlineReference {
  if (reference === 'queued-at' || reference === 'logical-date') return { kind: reference };
  if ('averageRuntime' in reference) {
    const { limit = dagDefaults.averageRuntimeRuns, minRuns = 1 } = reference.averageRuntime;
    return { kind: 'average-runtime', limit, minRuns };
  }
  const at = parseInstant(reference.at);
  if (at === undefined)
    draft.problems.push(`deadlines: "${reference.at}" is not a date or an instant with a zone`);
  return { kind: 'fixed', at: at ?? reference.at };
}
