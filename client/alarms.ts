import type { Client } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import type { Settings } from '../config.js';
import { noticeOf, type Alarm } from '../core/alarms.js';
import { limits } from '../core/limits.js';
import type { OpsStore } from '../ops/store.js';
import { listAlarms } from './watches.js';

/** Open alarms of schedules, runs and data, oldest first. */
export async function listAllAlarms(client: Client, ops: Pick<OpsStore, 'alarms'>): Promise<Alarm[]> {
  const alarms = [...(await listAlarms(client)), ...(await ops.alarms.listOpen())];
  return alarms.sort((a, b) => (a.raisedAt < b.raisedAt ? -1 : 1));
}

/** What came of a test notice at one sink. */
export interface SinkTest {
  readonly sink: string;
  /** Absent where the sink took both notices. */
  readonly error?: string;
}

/**
 * Sends a notice of kind `test`, and that it is over, to every sink of the settings, past routes and at once.
 *
 * @throws PipelineError CONFIG_INVALID
 */
export async function testAlarmSinks(settings: Settings): Promise<SinkTest[]> {
  const { createAlarmSinks } = await import('./alarm-sinks.js');
  const { createLogger } = await import('./services.js');
  const at = new Date().toISOString();
  const alarm: Alarm = {
    id: `millrace/test/${randomUUID()}`,
    dagId: 'millrace',
    kind: 'test',
    raisedAt: at,
    count: 1,
    lastAt: at,
    message: 'This is a test of the alarm sinks; nothing is wrong.',
  };
  const signal = AbortSignal.timeout(limits.alarmSinkMaxMs);
  return Promise.all(
    createAlarmSinks(settings, createLogger(settings)).map(async (sink) => {
      try {
        await sink.send(noticeOf(alarm, 'raised', at), signal);
        await sink.send(noticeOf(alarm, 'recovered', at), signal);
        return { sink: sink.name };
      } catch (error) {
        return { sink: sink.name, error: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}

/** Names of the sinks that the settings set up. */
export function configuredSinks({ alarms }: Settings): string[] {
  const { webhook, slack, email, pagerduty } = alarms;
  const set = Object.entries({ webhook, slack, email, pagerduty }).filter(([, value]) => value !== undefined);
  return ['log', ...set.map(([name]) => name)];
}
