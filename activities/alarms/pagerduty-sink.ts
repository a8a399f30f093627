import { createHash } from 'node:crypto';
import type { AlarmKind, AlarmNotice, AlarmSink } from '../../core/alarms.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { post } from './post.js';

export interface PagerDutyOptions {
  /** Integration key of the service. */
  readonly routingKey: string;
  readonly url: URL;
}

/**
 * Alarms as incidents: raised triggers, recovered resolves the one with the same `dedup_key`.
 * https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
 */
export function createPagerDutySink({ routingKey, url }: PagerDutyOptions): AlarmSink {
  return {
    name: 'pagerduty',
    send: (notice, signal) => post('pagerduty', url, notice, pagerDutyEvent(notice, routingKey), signal),
  };
}

/** One event of the Events API v2. */
export function pagerDutyEvent({ alarm, state, at }: AlarmNotice, routingKey: string): JsonObject {
  const { id, dagId, kind, subject, message, count } = alarm;
  const event = {
    routing_key: routingKey,
    dedup_key: id.length <= maxKeyLength ? id : createHash('sha256').update(id).digest('hex'),
  };
  if (state === 'recovered') return { ...event, event_action: 'resolve' };
  return {
    ...event,
    event_action: 'trigger',
    client: 'Millrace',
    payload: {
      summary: message.slice(0, limits.alarmSummaryMaxLength),
      source: dagId,
      severity: severityOf(kind),
      timestamp: at,
      class: kind,
      ...(subject === undefined ? {} : { component: subject }),
      custom_details: { alarm: id, count },
    },
  };
}

const maxKeyLength = 255;

function severityOf(kind: AlarmKind): 'error' | 'warning' | 'info' {
  switch (kind) {
    case 'run-failed':
    case 'run-missed':
    case 'dag-paused':
    case 'lag':
      return 'error';
    case 'anomaly':
    case 'quarantine-rate':
    case 'run-skipped':
      return 'warning';
    case 'schema-change':
    case 'test':
      return 'info';
  }
}
