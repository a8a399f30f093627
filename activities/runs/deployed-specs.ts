import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import type { DagSpec } from '../../core/dag/dag-spec.js';
import { dagScheduleId } from '../../core/ids.js';
import type { RunInput } from '../../core/run/run.js';

/** The specs of all deployed DAGs, paused ones too, as the next run of each starts with it. */
export async function deployedSpecs(client: Client): Promise<readonly DagSpec[]> {
  const ids: string[] = [];
  for await (const { scheduleId } of client.schedule.list())
    if (scheduleId.startsWith(dagScheduleId(''))) ids.push(scheduleId);
  const specs: DagSpec[] = [];
  for (const id of ids.sort()) {
    try {
      const { action } = await client.schedule.getHandle(id).describe();
      const [input] = (action.args ?? []) as readonly RunInput[];
      if (input !== undefined) specs.push(input.spec);
    } catch (error) {
      // One that is removed while they are read reads no more.
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
  }
  return specs;
}
