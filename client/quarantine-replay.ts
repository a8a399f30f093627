import type { Client } from '@temporalio/client';
import type { QueryRow } from '../connectors/warehouse.js';
import { addCounts, zeroCounts, type RowCounts } from '../core/loading/manifest.js';
import { limits } from '../core/limits.js';
import { getDag } from './deployment.js';
import { triggerRun } from './runs.js';

/** What a replay did. */
export interface ReplayOutcome {
  readonly rows: number;
  readonly runs: readonly string[];
  readonly counts: RowCounts;
}

/**
 * Runs quarantined rows of one DAG through its deployed pipeline, one run per extract task and per
 * `limits.replayMaxRows` rows, and waits. A row that fails again is quarantined anew under the new load.
 */
export async function replayQuarantine(
  client: Client,
  taskQueue: string,
  dagId: string,
  rows: readonly QueryRow[],
): Promise<ReplayOutcome> {
  const { spec } = await getDag(client, dagId);
  const byLoadTask = new Map<string, string[]>();
  for (const row of rows) {
    const taskId = String(row['task_id']);
    byLoadTask.set(taskId, [...(byLoadTask.get(taskId) ?? []), String(row['quarantine_id'])]);
  }
  let counts = zeroCounts;
  const runs: string[] = [];
  for (const [taskId, ids] of byLoadTask) {
    const extractId = extractOf(spec.tasks, taskId);
    for (let start = 0; start < ids.length; start += limits.replayMaxRows) {
      const run = await triggerRun(client, dagId, {
        taskQueue,
        runType: 'replay',
        replay: { taskId: extractId, quarantineIds: ids.slice(start, start + limits.replayMaxRows) },
        name: `replay-${new Date().toISOString()}-${String(runs.length)}`,
      });
      runs.push(run.workflowId);
      counts = addCounts(counts, (await run.result()).counts);
    }
  }
  return { rows: rows.length, runs, counts };
}

/** The extract task at the head of the chain that a task belongs to. */
function extractOf(tasks: readonly { id: string; kind: string; input?: string }[], taskId: string): string {
  let current = tasks.find((task) => task.id === taskId);
  while (current?.input !== undefined) {
    const { input } = current;
    current = tasks.find((task) => task.id === input);
  }
  return current?.id ?? taskId;
}
