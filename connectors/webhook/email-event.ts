import { isProxyAgent, isPrefetchAgent, isScannerAgent } from './mail-agents.js';
import { derivedId, type ProviderEvent } from './provider-event.js';

/**
 * What can happen to an e-mail, in one word for all providers.
 *
 * `queued` accepted by the provider · `sent` handed on · `delivered` taken by the receiving server · `deferred` not yet,
 * tried again · `bounced` refused by the receiving side · `dropped` never sent by the provider · `opened` · `clicked` ·
 * `complained` reported as spam · `unsubscribed` · `resubscribed` · `autoresponded` an automatic answer.
 */
export const emailEventTypes = [
  'queued',
  'sent',
  'delivered',
  'deferred',
  'bounced',
  'dropped',
  'opened',
  'clicked',
  'complained',
  'unsubscribed',
  'resubscribed',
  'autoresponded',
] as const;
export type EmailEventType = (typeof emailEventTypes)[number];

/** Why an address did not take a message: for good, for now, by a policy, or nobody can tell. */
export const bounceClasses = ['hard', 'soft', 'block', 'undetermined'] as const;
export type BounceClass = (typeof bounceClasses)[number];

/** What a provider's mapping reads from an event; what it does not tell stays out. */
export interface EmailFields {
  readonly type: EmailEventType;
  /** ISO 8601 with zone. */
  readonly occurredAt: string | undefined;
  readonly messageId?: string | undefined;
  readonly recipient?: string | undefined;
  readonly bounceClass?: BounceClass | undefined;
  readonly reason?: string | undefined;
  /** Answer of the receiving server. */
  readonly response?: string | undefined;
  readonly url?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly ip?: string | undefined;
  readonly subject?: string | undefined;
  readonly campaignId?: string | undefined;
  readonly tags?: readonly string[];
  /** The provider itself says that a machine loaded the picture. */
  readonly isPrefetch?: boolean;
}

/** What a provider's name of an event means. */
export type EmailMeaning = Pick<EmailFields, 'type' | 'bounceClass' | 'isPrefetch'>;

/** The meaning of a name in a provider's table, of its own members alone. */
export function meaningOf(
  meanings: Readonly<Record<string, EmailMeaning>>,
  name: string | undefined,
): EmailMeaning | undefined {
  return name !== undefined && Object.hasOwn(meanings, name) ? meanings[name] : undefined;
}

/** The canonical e-mail event. */
export interface EmailEvent extends Omit<EmailFields, 'isPrefetch' | 'occurredAt'> {
  readonly id: string;
  readonly occurredAt: string;
  /** How an open came: `prefetch` by a machine that nobody need have asked, `proxy` for a person behind one, or `direct`. */
  readonly openVia?: 'direct' | 'proxy' | 'prefetch';
  readonly isMachineOpen?: boolean;
  /** A click of software that follows links to examine them. */
  readonly isScannerClick?: boolean;
}

/** An event in the canonical form, or why it has none. */
export type EmailMapping =
  | { readonly event: EmailEvent }
  | { readonly problem: { readonly code: string; readonly pointer: string; readonly message: string } };

/**
 * Makes the canonical event. The id is the provider's where `ownId` is one; else it is made from type, message,
 * recipient, time and link, which is the same for a repeat.
 */
export function emailEvent(fields: EmailFields, ownId: string | undefined): EmailMapping {
  const { isPrefetch, occurredAt, ...rest } = fields;
  if (occurredAt === undefined)
    return problem('EMAIL_EVENT_INCOMPLETE', '', 'the event tells no time, or one without a zone');
  if (rest.messageId === undefined && rest.recipient === undefined)
    return problem('EMAIL_EVENT_INCOMPLETE', '', 'the event names neither a message nor a recipient');
  const { type, messageId, recipient, url, userAgent } = rest;
  return {
    event: {
      ...rest,
      id: ownId ?? derivedId(type, messageId, recipient, occurredAt, url),
      occurredAt,
      ...(type === 'opened' && openFlags(userAgent, isPrefetch === true)),
      ...(type === 'clicked' && { isScannerClick: isScannerAgent(userAgent) }),
    },
  };
}

/** For an event whose type is in no table. */
export function unknownEmailEvent(type: string | undefined, pointer: string): EmailMapping[] {
  const what = type === undefined ? 'the event has no type' : `"${type.slice(0, 64)}" is no known type`;
  return [problem('EMAIL_EVENT_UNKNOWN', pointer, what)];
}

/** For a delivery that holds no event in a readable form. */
export function unreadableEmailEvent({ value }: ProviderEvent): EmailMapping[] | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return undefined;
  return [problem('WEBHOOK_EVENT_INVALID', '', 'the event is no JSON object with distinct members')];
}

function openFlags(
  userAgent: string | undefined,
  isPrefetch: boolean,
): Pick<EmailEvent, 'openVia' | 'isMachineOpen'> {
  const isMachineOpen = isPrefetch || isPrefetchAgent(userAgent);
  if (isMachineOpen) return { openVia: 'prefetch', isMachineOpen };
  return { openVia: isProxyAgent(userAgent) ? 'proxy' : 'direct', isMachineOpen };
}

function problem(code: string, pointer: string, message: string): EmailMapping {
  return { problem: { code, pointer, message } };
}
