import {
  emailEvent,
  unknownEmailEvent,
  unreadableEmailEvent,
  type BounceClass,
  type EmailEventType,
  type EmailFields,
  type EmailMapping,
} from '../webhook/email-event.js';
import { labelsAt, listAt, textAt, valueAt, type ExactValue } from '../webhook/exact-json.js';
import { derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { isoFromText } from '../webhook/times.js';

interface Kind {
  readonly type: EmailEventType;
  /** Member that holds what belongs to the kind. */
  readonly member: string;
}

const kinds: Readonly<Record<string, Kind>> = {
  Send: { type: 'sent', member: 'send' },
  Delivery: { type: 'delivered', member: 'delivery' },
  DeliveryDelay: { type: 'deferred', member: 'deliveryDelay' },
  Bounce: { type: 'bounced', member: 'bounce' },
  Reject: { type: 'dropped', member: 'reject' },
  'Rendering Failure': { type: 'dropped', member: 'failure' },
  Open: { type: 'opened', member: 'open' },
  Click: { type: 'clicked', member: 'click' },
  Complaint: { type: 'complained', member: 'complaint' },
  Subscription: { type: 'unsubscribed', member: 'subscription' },
};

/**
 * An event of SES, once for each recipient it names. Opens and clicks name none: of a message to several, the recipient
 * stays out. Source: Amazon SES documentation, "Event data that Amazon SES publishes to Amazon SNS".
 */
export function sesEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const { value } = event;
  const name = textAt(value, 'eventType') ?? textAt(value, 'notificationType');
  const kind = Object.hasOwn(kinds, name ?? '') ? kinds[name ?? ''] : undefined;
  if (kind === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(name, '/eventType');
  const detail = valueAt(value, kind.member);
  const destination = listAt(value, 'mail', 'destination').filter((item) => typeof item === 'string');
  const common: EmailFields = {
    type: typeOf(kind.type, detail),
    occurredAt: isoFromText(textAt(detail, 'timestamp')) ?? isoFromText(textAt(value, 'mail', 'timestamp')),
    messageId: textAt(value, 'mail', 'messageId'),
    bounceClass: kind.type === 'bounced' ? bounceClass(detail) : undefined,
    reason:
      textAt(detail, 'reason') ??
      textAt(detail, 'errorMessage') ??
      textAt(detail, 'bounceSubType') ??
      textAt(detail, 'delayType') ??
      textAt(detail, 'complaintFeedbackType'),
    response: textAt(detail, 'smtpResponse'),
    url: textAt(detail, 'link'),
    userAgent: textAt(detail, 'userAgent'),
    ip: textAt(detail, 'ipAddress'),
    subject: textAt(value, 'mail', 'commonHeaders', 'subject'),
    campaignId: textAt(value, 'mail', 'tags', 'ses:configuration-set'),
    tags: labelsAt(value, 'mail', 'tags'),
  };
  const named = namedRecipients(detail);
  const recipients = named.length > 0 ? named : destination.map((recipient) => ({ recipient }));
  const isOfOne = named.length > 0 || recipients.length === 1 || !['opened', 'clicked'].includes(kind.type);
  const each = isOfOne && recipients.length > 0 ? recipients : [{}];
  return each.map((recipient, index) => {
    const id = each.length === 1 ? event.id : derivedId(event.id, String(index));
    return emailEvent({ ...common, ...recipient }, id);
  });
}

function typeOf(type: EmailEventType, detail: ExactValue): EmailEventType {
  if (type !== 'unsubscribed') return type;
  return valueAt(detail, 'newTopicPreferences', 'unsubscribeAll') === false ? 'resubscribed' : type;
}

function bounceClass(bounce: ExactValue): BounceClass {
  if (textAt(bounce, 'bounceType') === 'Permanent') return 'hard';
  if (textAt(bounce, 'bounceType') !== 'Transient') return 'undetermined';
  return ['ContentRejected', 'AttachmentRejected'].includes(textAt(bounce, 'bounceSubType') ?? '')
    ? 'block'
    : 'soft';
}

function namedRecipients(detail: ExactValue): Pick<EmailFields, 'recipient' | 'response'>[] {
  const lists = ['bouncedRecipients', 'complainedRecipients', 'delayedRecipients', 'recipients'];
  return lists.flatMap((name) =>
    listAt(detail, name).flatMap((item) => {
      const recipient = typeof item === 'string' ? item : textAt(item, 'emailAddress');
      if (recipient === undefined) return [];
      const response = textAt(item, 'diagnosticCode');
      return [{ recipient, ...(response !== undefined && { response }) }];
    }),
  );
}
