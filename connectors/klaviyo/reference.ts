import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { KlaviyoStream } from './settings.js';

/** Options of a read of a Klaviyo account. */
export interface KlaviyoReadOptions {
  /** Entry of `connections` in the configuration. */
  readonly connection: string;
  readonly options?: {
    /** Records per page; at most, and by default, 100 profiles or 1,000 events (the API's own bounds). */
    readonly pageSize?: number;
  };
}

/** Options of `klaviyo.profiles`. */
export interface KlaviyoProfilesOptions extends KlaviyoReadOptions {
  readonly options?: KlaviyoReadOptions['options'] & {
    /** What Klaviyo gives only where it is asked for; default `subscriptions`. `predictive_analytics` has a lower rate limit. */
    readonly additionalFields?: readonly ('subscriptions' | 'predictive_analytics')[];
  };
}

const stream =
  (name: KlaviyoStream) =>
  ({ connection, options = {} }: KlaviyoProfilesOptions): SourceRef => ({
    connector: 'klaviyo',
    stream: name,
    connection,
    options: {
      ...options,
      ...(options.additionalFields !== undefined && { additionalFields: [...options.additionalFields] }),
    } as SourceRef['options'],
  });

/** A stream that has no fields of its own to ask for. */
const plainStream: (name: KlaviyoStream) => (options: KlaviyoReadOptions) => SourceRef = stream;

/** References to the streams of a Klaviyo account. Plain data: nothing is read before a run asks for it. */
export const klaviyo = {
  /** Profiles by `updated`: the id and the attributes, side by side. No API tells of those that were deleted. */
  profiles: stream('profiles'),
  /** Events by `datetime`, with the name of the metric and the address of the profile. */
  events: plainStream('events'),
  /** Events of e-mail alone, as `email-event.v2`. */
  emailEvents: plainStream('email-events'),
} as const;
