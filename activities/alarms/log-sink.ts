import type { Logger } from 'pino';
import type { AlarmSink } from '../../core/alarms.js';

/** Notices as lines of the log. */
export function createLogSink(logger: Logger): AlarmSink {
  return {
    name: 'log',
    send: async (notice) => {
      const { alarm, state } = notice;
      logger[state === 'raised' ? 'warn' : 'info'](
        { alarm: alarm.id, dag: alarm.dagId, kind: alarm.kind, state, count: alarm.count },
        alarm.message,
      );
    },
  };
}
