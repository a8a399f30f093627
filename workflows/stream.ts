import { condition, continueAsNew, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { DagSpec, TaskSpec } from '../core/dag/dag-spec.js';
import { limits } from '../core/limits.js';
import { addCounts, zeroCounts } from '../core/loading/manifest.js';
import { countsLine } from './details.js';
import { Interpreter } from './interpreter.js';
import {
  deploySignal,
  pauseSignal,
  resumeSignal,
  stopSignal,
  streamStatsQuery,
  type PinnedSpec,
  type StreamInput,
  type StreamStats,
} from './messages.js';
import { SlotClient } from './slots.js';

/**
 * The long-running workflow of a real-time DAG. Each chain of tasks that hangs together drains its source on its own, so
 * that a quiet source never holds up a busy one: extract waits for rows, the chain runs, and so on. The workflow continues
 * as new when its history grows long or a new spec is deployed, between batches.
 */
export async function streamDag(input: StreamInput): Promise<StreamStats> {
  const { spec, specHash } = input;
  let stats: StreamStats = {
    ...(input.carried?.stats ?? { state: 'running', batches: 0, counts: zeroCounts }),
    specHash,
  };
  let isPaused = input.carried?.isPaused ?? false;
  let isStopping = false;
  let isDraining = false;
  let attempt = 0;
  let deployed: PinnedSpec | undefined;
  const interpreters = new Set<Interpreter>();
  const slots = new SlotClient();

  const update = (change: Partial<StreamStats>) => {
    stats = { ...stats, ...change };
    setCurrentDetails(
      `**${spec.id}** · ${stats.state}${stats.error === undefined ? '' : ` · ${stats.error.code}: ${stats.error.message}`}\n\n${String(stats.batches)} batches · ${countsLine(stats.counts)}`,
    );
  };
  const interrupt = () => {
    attempt += 1;
    for (const interpreter of interpreters) interpreter.interruptReads();
  };
  setHandler(streamStatsQuery, () => stats);
  setHandler(deploySignal, (next) => {
    deployed = next;
    interrupt();
  });
  setHandler(pauseSignal, () => {
    isPaused = true;
    interrupt();
  });
  setHandler(resumeSignal, () => {
    isPaused = false;
    interrupt();
  });
  setHandler(stopSignal, () => {
    isStopping = true;
    interrupt();
  });
  const isLeaving = () => isStopping || isDraining || deployed !== undefined;

  const drain = async (tasks: readonly TaskSpec[]): Promise<void> => {
    while (!isLeaving()) {
      if (isPaused) {
        update({ state: 'paused' });
        await condition(() => !isPaused || isLeaving());
        update({ state: 'running' });
        continue;
      }
      const { workflowId, runId } = workflowInfo();
      const interpreter = new Interpreter({
        spec: { tasks, maxActiveTasks: spec.maxActiveTasks },
        context: {
          dagId: spec.id,
          workflowId,
          runId,
          runType: 'scheduled',
          startedAt: new Date().toISOString(),
          params: { ...spec.params, ...input.params },
        },
        slots,
        waitMs: idleMs(spec),
      });
      interpreters.add(interpreter);
      const attemptAtStart = attempt;
      const outcome = await interpreter.run();
      interpreters.delete(interpreter);
      if (outcome.state === 'failed') {
        const error = outcome.tasks.find((task) => task.error !== undefined)?.error ?? {
          code: 'INTERNAL',
          message: 'a task failed',
        };
        update({ state: 'blocked', error });
        await condition(() => isLeaving() || attempt !== attemptAtStart);
        update({ state: 'running' });
      } else if (outcome.counts.extracted > 0) {
        const { error: _settled, ...rest } = stats;
        stats = rest;
        update({
          batches: stats.batches + 1,
          counts: addCounts(stats.counts, outcome.counts),
          lastBatchAt: new Date().toISOString(),
        });
      }
      const { continueAsNewSuggested, historyLength } = workflowInfo();
      if ((continueAsNewSuggested || historyLength > limits.historyMaxEvents) && !isLeaving()) {
        isDraining = true;
        interrupt();
      }
    }
  };
  update({ state: isPaused ? 'paused' : 'running' });
  await Promise.all(connectedChains(spec).map(drain));
  await slots.settle();
  if (isStopping) {
    update({ state: 'stopped' });
    return stats;
  }
  return continueAsNew<typeof streamDag>({
    ...(deployed ?? { spec, specHash }),
    ...(input.params === undefined ? {} : { params: input.params }),
    carried: { stats, isPaused },
  });
}

function idleMs(spec: DagSpec): number {
  return spec.schedule.kind === 'stream' ? spec.schedule.idleMs : 0;
}

/** Groups of tasks that are connected by edges, each in spec order. */
export function connectedChains(spec: Pick<DagSpec, 'tasks'>): TaskSpec[][] {
  const group = new Map<string, number>();
  for (const [index, task] of spec.tasks.entries()) {
    const joined = new Set(task.upstream.map((id) => group.get(id) ?? index));
    group.set(task.id, index);
    for (const [id, old] of group) if (joined.has(old)) group.set(id, index);
  }
  const chains = new Map<number, TaskSpec[]>();
  for (const task of spec.tasks) {
    const key = group.get(task.id) ?? 0;
    chains.set(key, [...(chains.get(key) ?? []), task]);
  }
  return [...chains.values()];
}
