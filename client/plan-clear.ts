import type { Client } from '@temporalio/client';
import { readFormerRun, type FormerRun } from '../activities/runs/former-run.js';
import { clearScope, retryScope, type ClearRequest, type States } from '../core/run/clear-scope.js';
import type { DagSpec } from '../core/dag/dag-spec.js';
import { PipelineError } from '../core/errors/index.js';
import { manualWorkflowId } from '../core/ids.js';
import type { DataInterval } from '../core/interval.js';
import { limits } from '../core/limits.js';
import { getDag, listDags } from './deployment.js';
import { findRuns, type FoundRun } from './find-runs.js';

/** Which tasks of which runs a clear takes. */
export interface ClearOptions extends ClearRequest {
  /** Also the DAG's runs with earlier, or later, data intervals. */
  readonly past: boolean;
  readonly future: boolean;
  /** Also runs of other DAGs that wait for what is cleared. */
  readonly recursive: boolean;
  /** With the deployed spec instead of the one that the run had. */
  readonly latest: boolean;
}

/** What is to be cleared of one run. */
export interface PlannedClear {
  readonly former: FormerRun;
  readonly spec: DagSpec;
  readonly specHash: string;
  readonly interval?: DataInterval;
  /** Tasks that will run again, in the order of the spec. */
  readonly taskIds: readonly string[];
  /** Runs that cleared tasks of this one will start anew. */
  readonly triggers: readonly string[];
}

/** `retry`: failed and unfinished tasks, and what comes after them. */
export type TaskChoice = ClearRequest | 'retry';

/**
 * Finds out what a clear would take, and changes nothing. Runs stand in the order in which they are to be cleared: the
 * oldest interval first, and a run before those that wait for it. A run of which nothing would be cleared is left out.
 *
 * @throws PipelineError RUN_HISTORY_GONE, TEMPORAL_UNAVAILABLE, USAGE (unknown task; a run without interval), LIMIT_EXCEEDED
 */
export async function planClear(
  client: Client,
  workflowId: string,
  options: ClearOptions,
): Promise<PlannedClear[]> {
  const first = await planRun(client, workflowId, options, options.latest);
  const around = await neighbours(client, first, options);
  const plans: PlannedClear[] = [];
  for (const id of [...around.before, workflowId, ...around.after])
    plans.push(id === workflowId ? first : await planRun(client, id, options, options.latest, 'lenient'));
  const own = plans.filter((plan) => plan.taskIds.length > 0);
  return options.recursive ? withDependants(client, own, options.latest) : own;
}

/** What a clear takes of one run. `lenient`: names that this run's spec does not have are passed over. */
export async function planRun(
  client: Client,
  workflowId: string,
  choice: TaskChoice,
  latest: boolean,
  names: 'strict' | 'lenient' = 'strict',
): Promise<PlannedClear> {
  const former = await readFormerRun(client, workflowId);
  const { spec, specHash } = latest ? await getDag(client, former.input.spec.id) : former.input;
  const states: States = Object.fromEntries(former.entries.map(({ taskId, state }) => [taskId, state]));
  const taskIds = chosenTasks(workflowId, spec, choice, states, names);
  const { interval } = former.input;
  return {
    former,
    spec,
    specHash,
    ...(interval === undefined ? {} : { interval }),
    // What is under way in a running run will end by itself.
    taskIds: former.isRunning ? taskIds.filter((id) => states[id] !== undefined) : taskIds,
    triggers: triggeredBy(workflowId, spec, taskIds),
  };
}

function chosenTasks(
  workflowId: string,
  spec: DagSpec,
  choice: TaskChoice,
  states: States,
  names: 'strict' | 'lenient',
): readonly string[] {
  if (choice === 'retry') return retryScope(spec, states);
  const { taskIds, unknown } = clearScope(spec, choice, states);
  if (unknown.length > 0 && names === 'strict') {
    const known = spec.tasks.map((task) => task.id).join(', ');
    throw new PipelineError('USAGE', {
      problem: `Run "${workflowId}" has no task ${unknown.map((name) => `"${name}"`).join(', ')}`,
      hint: `Its tasks: ${known}`,
    });
  }
  return taskIds;
}

/** Ids of the runs that trigger tasks start; a mapped one starts one for each of its instances. */
function triggeredBy(workflowId: string, spec: DagSpec, taskIds: readonly string[]): string[] {
  const taken = new Set(taskIds);
  return spec.tasks.flatMap((task) => {
    if (task.kind !== 'trigger-dag' || !taken.has(task.id)) return [];
    const id = manualWorkflowId(task.dagId, `${workflowId}-${task.id}`);
    return [task.expand === undefined ? id : `${id}-*`];
  });
}

/** The DAG's runs of earlier and later intervals, by interval. */
async function neighbours(
  client: Client,
  { spec, interval, former }: PlannedClear,
  { past, future }: ClearOptions,
): Promise<{ before: string[]; after: string[] }> {
  if (!past && !future) return { before: [], after: [] };
  if (interval === undefined)
    throw new PipelineError('USAGE', {
      problem: `Run "${former.workflowId}" has no data interval, so it has no past and no future`,
      hint: 'Leave --past and --future out',
    });
  const dagId = spec.id;
  const ids = async (bounds: object): Promise<string[]> => {
    const runs = await findRuns(client, { dagId, ...bounds });
    const start = (run: FoundRun): string => run.intervalStart ?? '';
    return runs.sort((a, b) => (start(a) < start(b) ? -1 : 1)).map((run) => run.workflowId);
  };
  return {
    before: past ? await ids({ intervalBefore: interval.start }) : [],
    after: future ? await ids({ intervalAfter: interval.start }) : [],
  };
}

/** Adds the runs of other DAGs whose sensors wait for what is cleared, and what waits for those in turn. */
async function withDependants(
  client: Client,
  plans: readonly PlannedClear[],
  latest: boolean,
): Promise<PlannedClear[]> {
  const specs: DagSpec[] = [];
  for (const { dagId } of await listDags(client)) specs.push((await getDag(client, dagId)).spec);
  const all = [...plans];
  const known = new Set(plans.map((plan) => plan.former.workflowId));
  let wave = all;
  for (let depth = 0; wave.length > 0; depth += 1) {
    if (depth === limits.clearMaxDepth)
      throw new PipelineError('LIMIT_EXCEEDED', {
        what: 'The number of DAGs that wait for one another',
        actual: `more than ${String(depth)}`,
        limit: 'clearMaxDepth',
        allowed: depth,
      });
    const next: PlannedClear[] = [];
    for (const plan of wave) {
      for (const [workflowId, sensors] of await waitingFor(client, specs, plan)) {
        if (known.has(workflowId)) continue;
        known.add(workflowId);
        const request = { tasks: sensors, upstream: false, downstream: true, onlyFailed: false };
        const dependant = await planRun(client, workflowId, request, latest, 'lenient');
        if (dependant.taskIds.length > 0) next.push(dependant);
      }
    }
    all.push(...next);
    wave = next;
  }
  return all;
}

/** Runs of other DAGs with the sensors in them that wait for cleared tasks of a run. */
async function waitingFor(
  client: Client,
  specs: readonly DagSpec[],
  { spec, interval, taskIds }: PlannedClear,
): Promise<Map<string, string[]>> {
  const waiting = new Map<string, string[]>();
  if (interval === undefined) return waiting;
  for (const other of specs) {
    for (const task of other.tasks) {
      if (task.kind !== 'dag-sensor' || task.dagId !== spec.id) continue;
      if (task.taskIds.length > 0 && !task.taskIds.some((id) => taskIds.includes(id))) continue;
      const intervalAt = new Date(Date.parse(interval.start) + task.executionDeltaMs).toISOString();
      for (const { workflowId } of await findRuns(client, { dagId: other.id, intervalAt }))
        waiting.set(workflowId, [...(waiting.get(workflowId) ?? []), task.id]);
    }
  }
  return waiting;
}
