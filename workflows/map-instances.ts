import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import type { DagSpec, TaskSpec } from '../core/dag/dag-spec.js';
import { limits } from '../core/limits.js';
import { addCounts, isManifest, type RowCounts } from '../core/loading/manifest.js';
import type { StageContext } from '../core/run/run.js';
import type { MappedFailure } from '../core/run/run-result.js';
import { addState, addTallies, emptyTally, type StateTally } from '../core/run/state-tally.js';
import type { ElementRef, MappedChunk, TaskOutput } from '../core/run/task-output.js';
import type { Approvals } from './approvals.js';
import type { Gate } from './gate.js';
import type { SlotClient } from './slots.js';
import type { Interpretation, InterpreterOptions, Surroundings } from './interpretation.js';

const { park } = proxyActivities<Pick<Activities, 'park'>>({
  startToCloseTimeout: '2m',
  summary: 'keep results of mapped instances',
});

/** How the instances of one task of a mapping ended. */
export interface MappedTask {
  readonly tally: StateTally;
  readonly outputs: readonly MappedChunk[];
  readonly failures: readonly MappedFailure[];
  readonly loaded?: RowCounts;
}
export type MappedTasks = Readonly<Record<string, MappedTask>>;

export interface InstancesOptions {
  /** Makes the run of one instance. */
  interpret(options: InterpreterOptions): Interpretation;
  readonly tasks: readonly TaskSpec[];
  readonly elements: readonly ElementRef[];
  /** Index of the first element. */
  readonly firstIndex: number;
  /** Instances at a time. */
  readonly parallel: number;
  readonly maxActiveTasks: number;
  readonly gate: Gate;
  readonly context: StageContext;
  readonly slots: SlotClient;
  readonly schedule: DagSpec['schedule'];
  readonly approvals?: Approvals;
  readonly surroundings: Surroundings;
  /** Called when an instance has ended. */
  onProgress?(tallies: Readonly<Record<string, StateTally>>): void;
}

/** Runs consecutive instances of a mapped task or group, each as a small run of its own. */
export async function runInstances(options: InstancesOptions): Promise<MappedTasks> {
  const { tasks, elements, firstIndex } = options;
  const tallies = new Map<string, StateTally>(tasks.map((task) => [task.id, emptyTally]));
  const outputs = new Map<string, (TaskOutput | undefined)[]>(tasks.map((task) => [task.id, []]));
  const failures = new Map<string, MappedFailure[]>(tasks.map((task) => [task.id, []]));
  const loaded = new Map<string, RowCounts>();
  let next = 0;

  const runNext = async (): Promise<void> => {
    for (let at = next++; at < elements.length; at = next++) {
      const element = elements[at];
      if (element === undefined) return;
      const mapIndex = firstIndex + at;
      const interpreter = options.interpret({
        spec: { tasks, maxActiveTasks: options.maxActiveTasks },
        context: { ...options.context, mapIndex, element },
        schedule: options.schedule,
        slots: options.slots,
        gate: options.gate,
        surroundings: options.surroundings,
        ...(options.approvals === undefined ? {} : { approvals: options.approvals }),
      });
      const outcome = await interpreter.run();
      for (const { taskId, state, error, loaded: counts } of outcome.tasks) {
        tallies.set(taskId, addState(tallies.get(taskId) ?? emptyTally, state));
        const output = interpreter.output(taskId);
        const list = outputs.get(taskId);
        if (list !== undefined && state === 'success' && !isManifest(output)) list[at] = output;
        const failed = failures.get(taskId);
        if (
          error !== undefined &&
          state === 'failed' &&
          failed !== undefined &&
          failed.length < limits.mappedFailureSamples
        )
          failed.push({ mapIndex, ...('label' in element ? { label: element.label } : {}), error });
        const before = loaded.get(taskId);
        if (counts !== undefined)
          loaded.set(taskId, before === undefined ? counts : addCounts(before, counts));
      }
      options.onProgress?.(Object.fromEntries(tallies));
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.parallel, elements.length) }, runNext));

  const result: Record<string, MappedTask> = {};
  for (const { id } of tasks) {
    const counts = loaded.get(id);
    result[id] = {
      tally: tallies.get(id) ?? emptyTally,
      outputs: await chunksOf((outputs.get(id) ?? []).filter((output) => output !== undefined)),
      failures: failures.get(id) ?? [],
      ...(counts === undefined ? {} : { loaded: counts }),
    };
  }
  return result;
}

/** Results in order; many are parked in the staging store. */
async function chunksOf(values: readonly TaskOutput[]): Promise<MappedChunk[]> {
  const chunks: MappedChunk[] = [];
  let batch: TaskOutput[] = [];
  let bytes = 0;
  const parkBatch = async (): Promise<void> => {
    if (batch.length > 0) chunks.push({ count: batch.length, parked: await park({ values: batch }) });
    batch = [];
    bytes = 0;
  };
  for (const value of values) {
    const size = JSON.stringify(value).length;
    if (bytes + size > limits.snapshotInlineMaxBytes) await parkBatch();
    batch.push(value);
    bytes += size;
  }
  if (chunks.length > 0 || bytes > limits.mappedInlineResultsBytes) await parkBatch();
  else if (batch.length > 0) chunks.push({ count: batch.length, values: batch });
  return chunks;
}

/** Two parts of one mapping, in order. */
export function addMapped(a: MappedTask, b: MappedTask): MappedTask {
  const loaded =
    a.loaded === undefined ? b.loaded : b.loaded === undefined ? a.loaded : addCounts(a.loaded, b.loaded);
  return {
    tally: addTallies(a.tally, b.tally),
    outputs: [...a.outputs, ...b.outputs],
    failures: [...a.failures, ...b.failures].slice(0, limits.mappedFailureSamples),
    ...(loaded === undefined ? {} : { loaded }),
  };
}
