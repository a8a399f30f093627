import { setCurrentDetails } from '@temporalio/workflow';
import type { DagSpec, TaskSpec } from '../core/dag-spec.js';
import type { StagedFile } from '../core/manifest.js';
import type { StageContext } from '../core/run.js';
import { Gate } from './gate.js';
import { Interpreter, type Surroundings } from './interpreter.js';
import { SlotClient } from './slots.js';
import { runInstances, type MappedTasks } from './map-instances.js';

/** Input of the `mapTasks` workflow: consecutive instances of a mapped task or group. */
export interface MapTasksInput {
  readonly tasks: readonly TaskSpec[];
  readonly context: StageContext;
  readonly schedule: DagSpec['schedule'];
  readonly elements: StagedFile;
  readonly firstIndex: number;
  readonly count: number;
  readonly parallel: number;
  readonly surroundings: Surroundings;
}

/** A child of a run that looks after a part of a large mapping, so that no history grows long. */
export async function mapTasks(input: MapTasksInput): Promise<MappedTasks> {
  const { count, elements: file, firstIndex, parallel } = input;
  const slots = new SlotClient();
  try {
    return await runInstances({
      ...input,
      slots,
      interpret: (options) => new Interpreter(options),
      elements: Array.from({ length: count }, (_none, at) => ({ file, line: firstIndex + at })),
      maxActiveTasks: parallel,
      gate: new Gate(parallel),
      onProgress: (tallies) => {
        setCurrentDetails(
          Object.entries(tallies)
            .map(
              ([taskId, tally]) =>
                `- \`${taskId}\` ${String(tally.total)} of ${String(count)}: ${String(tally.success)} success, ${String(tally.failed + tally.upstreamFailed)} failed, ${String(tally.skipped)} skipped`,
            )
            .join('\n'),
        );
      },
    });
  } finally {
    await slots.settle();
  }
}
