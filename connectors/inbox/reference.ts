import type { SourceRef } from '../../core/dag-spec.js';

/** References to what the gateway received. Plain data: nothing is read before a run asks for it. */
export const inbox = {
  /** `segment` for events of the Segment API, `webhooks/<source>` for signed webhooks. */
  stream(stream: string): SourceRef {
    return { connector: 'inbox', stream, options: {} };
  },
  /** Deliveries to `/webhooks/<source>`, one row an event, in the words of its provider: record schema `webhook-event.v1`. */
  webhookEvents(source: string): SourceRef {
    return { connector: 'inbox', stream: `webhooks/${source}`, options: { shape: 'webhook-event' } };
  },
  /** Deliveries of an e-mail service as canonical events, the same for all providers: record schema `email-event.v2`. */
  emailEvents(source: string): SourceRef {
    return { connector: 'inbox', stream: `webhooks/${source}`, options: { shape: 'email-event' } };
  },
} as const;
