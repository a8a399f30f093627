import type { Logger } from 'pino';
import { httpRequest } from '../connectors/http/index.js';
import type { AlarmSink } from '../core/alarms.js';
import { limits } from '../core/limits.js';

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

/**
 * Notices as JSON, POSTed to an address. The header `Idempotency-Key` holds the id of the notice, so that a receiver can
 * tell a repeat.
 */
export function createWebhookSink(url: URL): AlarmSink {
  return {
    name: 'webhook',
    send: async (notice, signal) => {
      await httpRequest({
        source: 'alarm webhook',
        url,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': notice.id },
        body: JSON.stringify(notice),
        signal,
        timeoutMs: limits.alarmTimeoutMs,
      });
    },
  };
}
