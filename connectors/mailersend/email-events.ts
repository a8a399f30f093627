import {
  emailEvent,
  meaningOf,
  unknownEmailEvent,
  unreadableEmailEvent,
  type EmailMapping,
  type EmailMeaning,
} from '../webhook/email-event.js';
import { labelsAt, textAt, valueAt } from '../webhook/exact-json.js';
import type { ProviderEvent } from '../webhook/provider-event.js';

const meanings: Readonly<Record<string, EmailMeaning>> = {
  'activity.sent': { type: 'sent' },
  'activity.delivered': { type: 'delivered' },
  'activity.deferred': { type: 'deferred' },
  'activity.soft_bounced': { type: 'bounced', bounceClass: 'soft' },
  'activity.hard_bounced': { type: 'bounced', bounceClass: 'hard' },
  'activity.suppressed': { type: 'dropped' },
  'activity.opened': { type: 'opened' },
  'activity.opened_unique': { type: 'opened' },
  'activity.clicked': { type: 'clicked' },
  'activity.clicked_unique': { type: 'clicked' },
  'activity.unsubscribed': { type: 'unsubscribed' },
  'activity.spam_complaint': { type: 'complained' },
  'activity.spam_complaints': { type: 'complained' },
};

/** An event of MailerSend, in both forms of its payload. Source: MailerSend documentation, "Webhooks". */
export function mailersendEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const { value } = event;
  const name = textAt(value, 'type');
  const meaning = meaningOf(meanings, name);
  if (meaning === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(name, '/type');
  // The first form puts message and recipient inside "email", and what belongs to the kind into "morph".
  const email = valueAt(value, 'data', 'email');
  const meta = valueAt(value, 'data', 'meta') ?? valueAt(value, 'data', 'morph');
  return [
    emailEvent(
      {
        ...meaning,
        occurredAt: event.occurredAt,
        messageId: textAt(value, 'data', 'message_id') ?? textAt(email, 'message', 'id'),
        recipient: textAt(value, 'data', 'recipient') ?? textAt(email, 'recipient', 'email'),
        reason:
          textAt(meta, 'bounce_reason') ??
          textAt(meta, 'reject_reason') ??
          textAt(meta, 'suppression_reason') ??
          textAt(meta, 'unsubscribe_reason') ??
          textAt(meta, 'readable_reason') ??
          textAt(meta, 'reason'),
        response: textAt(meta, 'bounce_code'),
        url: textAt(meta, 'url'),
        userAgent: textAt(meta, 'user_agent'),
        ip: textAt(meta, 'ip'),
        subject: textAt(value, 'data', 'subject') ?? textAt(email, 'subject'),
        tags: labelsAt(email === undefined ? valueAt(value, 'data') : email, 'tags'),
      },
      event.id,
    ),
  ];
}
