import type { SourceRef } from '../../core/dag/dag-spec.js';
import type { MailchimpStream } from './settings.js';

/** Options of a read of a Mailchimp account. */
export interface MailchimpReadOptions {
  /** Entry of `connections` in the configuration. */
  readonly connection: string;
  readonly options?: {
    /** Records per page; at most, and by default, 1,000 (the API's own bound). */
    readonly pageSize?: number;
  };
}

/** Options of `mailchimp.members`. */
export interface MailchimpMembersOptions {
  readonly connection: string;
  readonly options: NonNullable<MailchimpReadOptions['options']> & {
    /** Id of the audience. */
    readonly listId: string;
  };
}

/** Options of `mailchimp.emailEvents`. */
export interface MailchimpEmailEventsOptions extends MailchimpReadOptions {
  readonly options?: NonNullable<MailchimpReadOptions['options']> & {
    /** Days after its sending in which what happens to a campaign's messages is asked for; default 60. */
    readonly campaignDays?: number;
  };
}

function stream(name: MailchimpStream, connection: string, options: SourceRef['options']): SourceRef {
  return { connector: 'mailchimp', stream: name, connection, options: { ...options } };
}

/** References to the streams of a Mailchimp account. Plain data: nothing is read before a run asks for it. */
export const mailchimp = {
  /** Members of one audience by `last_changed`, of every status, as sent. No API tells of those that were deleted for good. */
  members: ({ connection, options }: MailchimpMembersOptions): SourceRef =>
    stream('members', connection, options),
  /** Campaigns by `create_time`, as sent. */
  campaigns: ({ connection, options = {} }: MailchimpReadOptions): SourceRef =>
    stream('campaigns', connection, options),
  /** Opens, clicks and bounces of campaigns, as `email-event.v2`. */
  emailEvents: ({ connection, options = {} }: MailchimpEmailEventsOptions): SourceRef =>
    stream('email-events', connection, options),
} as const;
