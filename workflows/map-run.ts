import { executeChild, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import type { TaskSpec, TaskState } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { expandInstances, expandSources } from '../core/run/expand.js';
import { limits } from '../core/limits.js';
import type { StagedFile } from '../core/loading/manifest.js';
import type { MapUnit } from '../core/run/map-units.js';
import type { TaskResult } from '../core/run/run-result.js';
import { stateOfTally, type StateTally } from '../core/run/state-tally.js';
import { inlineValue, isInline, type ElementRef, type TaskOutput } from '../core/run/task-output.js';
import type { TaskScope } from './execute-task.js';
import type { Gate } from './gate.js';
import type { Surroundings } from './interpretation.js';
import {
  addMapped,
  runInstances,
  type InstancesOptions,
  type MappedTask,
  type MappedTasks,
} from './map-instances.js';
import type { MapTasks, MapTasksInput } from './map-part.js';

export interface MapRunOptions extends Pick<InstancesOptions, 'interpret'> {
  readonly scope: TaskScope;
  readonly gate: Gate;
  /** Large mappings of a run go one after another, so that its history stays short. */
  readonly largeMappings: Gate;
  readonly maxActiveTasks: number;
  readonly surroundings: Surroundings;
  onProgress(tallies: Readonly<Record<string, StateTally>>): void;
}

/** How a mapped task or group ended. */
export interface MapOutcome {
  readonly state: TaskState;
  readonly tasks: Readonly<
    Record<string, { readonly result: TaskResult; readonly tally?: StateTally; readonly output?: TaskOutput }>
  >;
}

/**
 * Runs a mapped task or group once for each element: in the run itself where they are few, else in child workflows. A list
 * that its task did not give settles all instances as that task ended; an empty one skips them (Airflow's rules).
 */
export async function runMapUnit(unit: MapUnit, options: MapRunOptions): Promise<MapOutcome> {
  const settled = settledBySources(unit, options.surroundings);
  if (settled !== undefined) return settleAll(unit, settled);
  const expanded = await expand(unit, options);
  const count = expanded.elements.length;
  if (count === 0) return settleAll(unit, 'skipped');
  const weight = unit.tasks.reduce((sum, task) => sum + weightOf(task), 0);
  if (count * weight > limits.mappedMaxTasks) {
    throw new PipelineError('LIMIT_EXCEEDED', {
      what: `The number of mapped tasks of "${unit.id}"`,
      actual: count * weight,
      limit: 'mappedMaxTasks',
      allowed: limits.mappedMaxTasks,
    });
  }
  const whole: MapRunOptions = {
    ...options,
    onProgress: (tallies) => {
      const progress = Object.entries(tallies);
      // What comes after all instances waits for their results, which this call's outcome brings.
      if (progress.some(([, tally]) => tally.total >= count)) return;
      options.onProgress(Object.fromEntries(progress.map(([id, tally]) => [id, { ...tally, total: count }])));
    },
  };
  const mapped =
    expanded.file === undefined || count * unit.tasks.length <= limits.mappedInlineInstances
      ? await runHere(unit, expanded.elements, whole)
      : await runInChildren(unit, expanded.file, count, weight, whole);
  return outcomeOf(unit, mapped);
}

function settledBySources(
  unit: MapUnit,
  { states }: Surroundings,
): 'skipped' | 'upstream_failed' | undefined {
  const sources = expandSources(unit.expand).map((id) => states[id] ?? 'none');
  if (sources.every((state) => state === 'success')) return undefined;
  return sources.every((state) => state === 'success' || state === 'skipped') ? 'skipped' : 'upstream_failed';
}

function settleAll(unit: MapUnit, state: 'skipped' | 'upstream_failed'): MapOutcome {
  return {
    state,
    tasks: Object.fromEntries(unit.tasks.map(({ id }) => [id, { result: { taskId: id, state } }])),
  };
}

async function expand(
  unit: MapUnit,
  { scope }: MapRunOptions,
): Promise<{ elements: ElementRef[]; file?: StagedFile }> {
  const sources = expandSources(unit.expand).map((id) => [id, scope.output(id)] as const);
  if (sources.every(([, output]) => isInline(output))) {
    const values = new Map(sources.map(([id, output]) => [id, inlineValue(output)]));
    const instances = expandInstances(unit.id, unit.expand, (id) => values.get(id) ?? null);
    if (instances.length * unit.tasks.length <= limits.mappedInlineInstances) return { elements: instances };
  }
  const { expandMapping } = proxyActivities<Pick<Activities, 'expandMapping'>>({
    startToCloseTimeout: '10m',
    summary: `${unit.id} · instances`,
    retry: { maximumAttempts: 10 },
  });
  const { count, file } = await expandMapping({
    taskId: unit.id,
    expand: unit.expand,
    inputs: Object.fromEntries(sources),
  });
  return { elements: Array.from({ length: count }, (_none, line) => ({ file, line })), file };
}

/** Events that a task may add to a history, in tasks without anything around them. */
function weightOf(task: TaskSpec): number {
  const calls = Object.keys(task.callbacks ?? {}).length + (task.deadlines?.length ?? 0);
  const tries = task.callbacks?.retry === true ? Math.max(task.retry.maximumAttempts, 1) * 2 : 1;
  const slots = Number(task.pool !== undefined) + Number(task.concurrency !== undefined);
  return tries + calls + slots * 2 + Number((task.outlets?.length ?? 0) > 0);
}

function parallelOf(unit: MapUnit, maxActiveTasks: number): number {
  return Math.min(unit.expand.maxActive ?? maxActiveTasks, maxActiveTasks);
}

async function runHere(
  unit: MapUnit,
  elements: readonly ElementRef[],
  { scope, gate, maxActiveTasks, surroundings, interpret, onProgress }: MapRunOptions,
): Promise<MappedTasks> {
  return runInstances({
    interpret,
    tasks: unit.tasks,
    elements,
    firstIndex: 0,
    // Waits take no place of the gate, so that instances that only wait need no bound but the author's.
    parallel: unit.expand.maxActive ?? elements.length,
    maxActiveTasks,
    gate,
    context: scope.context,
    slots: scope.slots,
    schedule: scope.schedule,
    approvals: scope.approvals,
    surroundings: neededBy(unit, surroundings),
    onProgress,
  });
}

async function runInChildren(
  unit: MapUnit,
  file: StagedFile,
  count: number,
  weight: number,
  options: MapRunOptions,
): Promise<MappedTasks> {
  const size = Math.max(1, Math.floor(limits.mappedTasksPerChild / weight));
  const parallel = parallelOf(unit, options.maxActiveTasks);
  const children = Math.min(limits.mappedActiveChildren, parallel, Math.ceil(count / size));
  const places = Math.floor(parallel / children);
  const parts: MappedTasks[] = [];
  let next = 0;
  const runNext = async (): Promise<void> => {
    for (let part = next++; part * size < count; part = next++) {
      await options.gate.enter(places);
      try {
        parts[part] = await runPart(unit, options, {
          tasks: unit.tasks,
          context: options.scope.context,
          schedule: options.scope.schedule,
          elements: file,
          firstIndex: part * size,
          count: Math.min(size, count - part * size),
          parallel: places,
          surroundings: neededBy(unit, options.surroundings),
        });
      } finally {
        options.gate.leave(places);
      }
      const done = sumOf(parts);
      options.onProgress(Object.fromEntries(Object.entries(done).map(([id, { tally }]) => [id, tally])));
    }
  };
  await options.largeMappings.enter();
  try {
    await Promise.all(Array.from({ length: children }, runNext));
  } finally {
    options.largeMappings.leave();
  }
  return sumOf(parts);
}

function runPart(unit: MapUnit, { scope }: MapRunOptions, input: MapTasksInput): Promise<MappedTasks> {
  const { workflowId } = workflowInfo();
  const last = input.firstIndex + input.count - 1;
  return executeChild<MapTasks>('mapTasks', {
    workflowId: `${workflowId}/${unit.id}/${String(input.firstIndex)}`,
    args: [input],
    staticSummary: `${scope.context.dagId} · ${unit.id} [${String(input.firstIndex)}…${String(last)}]`,
  });
}

/** Only what the tasks of the group look at. */
function neededBy(unit: MapUnit, surroundings: Surroundings): Surroundings {
  const upstream = new Set(unit.tasks.flatMap((task) => [...task.upstream, ...(task.setups ?? [])]));
  const inputs = new Set(
    unit.tasks.flatMap((task) => [
      ...('inputs' in task ? Object.values(task.inputs) : []),
      ...('input' in task ? [task.input] : []),
    ]),
  );
  const pick = <Value>(
    from: Readonly<Record<string, Value>>,
    names: ReadonlySet<string>,
  ): Record<string, Value> => Object.fromEntries(Object.entries(from).filter(([name]) => names.has(name)));
  return {
    states: pick(surroundings.states, upstream),
    tallies: pick(surroundings.tallies, upstream),
    outputs: pick(surroundings.outputs, inputs),
  };
}

function sumOf(parts: readonly MappedTasks[]): MappedTasks {
  const sum: Record<string, MappedTask> = {};
  for (const part of parts.filter((one) => one !== undefined)) {
    for (const [id, task] of Object.entries(part)) {
      const before = sum[id];
      sum[id] = before === undefined ? task : addMapped(before, task);
    }
  }
  return sum;
}

function outcomeOf(unit: MapUnit, mapped: MappedTasks): MapOutcome {
  const tasks: Record<string, MapOutcome['tasks'][string]> = {};
  for (const [id, { tally, outputs, failures, loaded }] of Object.entries(mapped)) {
    const [first] = failures;
    tasks[id] = {
      tally,
      output: { $mapped: outputs },
      result: {
        taskId: id,
        state: stateOfTally(tally),
        mapped: tally,
        ...(failures.length === 0 ? {} : { mappedFailures: failures }),
        ...(first === undefined ? {} : { error: first.error }),
        ...(loaded === undefined ? {} : { loaded }),
      },
    };
  }
  const states = Object.values(tasks).map((task) => task.result.state);
  const state =
    states.find((one) => one === 'failed') ?? states.find((one) => one === 'upstream_failed') ?? 'success';
  return { state: unit.tasks.length === 1 ? (states[0] ?? state) : state, tasks };
}
