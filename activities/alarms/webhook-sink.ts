import type { AlarmSink } from '../../core/alarms.js';
import type { JsonObject } from '../../core/json.js';
import { post } from './post.js';

/** Notices as JSON, POSTed to an address. */
export function createWebhookSink(url: URL): AlarmSink {
  return {
    name: 'webhook',
    send: (notice, signal) => post('webhook', url, notice, notice as unknown as JsonObject, signal),
  };
}
