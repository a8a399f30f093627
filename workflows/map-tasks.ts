import { setCurrentDetails } from '@temporalio/workflow';
import { Gate } from './gate.js';
import { Interpreter } from './interpreter.js';
import { runInstances, type MappedTasks } from './map-instances.js';
import type { MapTasksInput } from './map-part.js';
import { SlotClient } from './slots.js';

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
