import type { Logger } from 'pino';
import type { AlarmSink } from '../../core/alarms.js';
import { isPipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { AlarmStore } from '../../ops/alarm-book.js';

/**
 * Sends what waits, to all sinks at once. A sink that cannot be reached is left alone until its notices are due again, and
 * holds up no other. A notice that fails holds back only later notices of the same alarm, so that no recovery comes before
 * what it ends.
 */
export async function deliverNotices(options: {
  readonly store: Pick<AlarmStore, 'waiting' | 'settle' | 'postpone'>;
  readonly sinks: readonly AlarmSink[];
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): Promise<void> {
  await Promise.all(options.sinks.map((sink) => deliverTo(sink, options)));
}

async function deliverTo(
  sink: AlarmSink,
  { store, logger, signal }: Parameters<typeof deliverNotices>[0],
): Promise<void> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(limits.alarmSinkMaxMs)]);
  const heldBack = new Set<string>();
  for (const { notice, attempts, createdAt, isDue } of await store.waiting(
    sink.name,
    limits.alarmLookNotices,
  )) {
    if (bounded.aborted) return;
    const alarm = notice.alarm.id;
    if (heldBack.has(alarm)) continue;
    if (!isDue) {
      heldBack.add(alarm);
      continue;
    }
    try {
      await sink.send(notice, bounded);
      await store.settle(notice.id, sink.name);
    } catch (error) {
      if (signal.aborted) return;
      heldBack.add(alarm);
      const waitedMs = Date.now() - Date.parse(createdAt);
      const code = isPipelineError(error) ? error.code : 'INTERNAL';
      if (waitedMs > limits.alarmGiveUpMs) {
        logger.error({ sink: sink.name, notice: notice.id, code }, 'an alarm notice is given up');
        await store.settle(notice.id, sink.name);
        continue;
      }
      logger.warn(
        { sink: sink.name, notice: notice.id, attempts: attempts + 1, err: error },
        'an alarm notice could not be sent; it is tried again',
      );
      await store.postpone(notice.id, sink.name, new Date(Date.now() + retryWaitMs(attempts)).toISOString());
      if (isPipelineError(error) && error.retryable) return;
    }
  }
}

/** Doubles with each attempt. */
export function retryWaitMs(attempts: number): number {
  return Math.min(limits.alarmRetryMinMs * 2 ** Math.min(attempts, 20), limits.alarmRetryMaxMs);
}
