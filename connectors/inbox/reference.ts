import type { SourceRef } from '../../core/dag-spec.js';

/** References to what the gateway received. Plain data: nothing is read before a run asks for it. */
export const inbox = {
  /** `segment` for events of the Segment API, `webhooks/<source>` for signed webhooks. */
  stream(stream: string): SourceRef {
    return { connector: 'inbox', stream, options: {} };
  },
} as const;
