import type { SourceRef } from '../../core/dag/dag-spec.js';

/** References to what the gateway received. Plain data: nothing is read before a run asks for it. */
export const inbox = {
  /** `segment` for events of the Segment API, `webhooks/<source>` for signed webhooks, `push/<stream>` for pushed records. */
  stream(stream: string): SourceRef {
    return { connector: 'inbox', stream, options: {} };
  },
  /**
   * Records and files that platforms push to `/api/streams/<stream>`, one row a record, with `pushId` (the same for a repeat)
   * and `pushedAt`.
   */
  records(stream: string): SourceRef {
    return { connector: 'inbox', stream: `push/${stream}`, options: {} };
  },
  /**
   * Deliveries to `/webhooks/<source>`, one row an event, in the words of its provider: record schema `webhook-event.v1`.
   * Several sources are read as one, in the order in which they arrived.
   */
  webhookEvents(source: string, ...more: readonly string[]): SourceRef {
    return deliveries('webhook-event', source, more);
  },
  /**
   * Deliveries of e-mail services as canonical events, the same for all providers: record schema `email-event.v2`. Several
   * sources are read as one, in the order in which they arrived.
   */
  emailEvents(source: string, ...more: readonly string[]): SourceRef {
    return deliveries('email-event', source, more);
  },
} as const;

function deliveries(shape: string, source: string, more: readonly string[]): SourceRef {
  const options = more.length === 0 ? { shape } : { shape, more: [...more] };
  return { connector: 'inbox', stream: `webhooks/${source}`, options };
}
