import {
  emailEvent,
  meaningOf,
  unknownEmailEvent,
  unreadableEmailEvent,
  type EmailMapping,
  type EmailMeaning,
} from '../webhook/email-event.js';
import { labelsAt, textAt } from '../webhook/exact-json.js';
import type { ProviderEvent } from '../webhook/provider-event.js';
import { isoFromSeconds } from '../webhook/times.js';

const meanings: Readonly<Record<string, EmailMeaning>> = {
  send: { type: 'sent' },
  delivered: { type: 'delivered' },
  deferral: { type: 'deferred' },
  hard_bounce: { type: 'bounced', bounceClass: 'hard' },
  soft_bounce: { type: 'bounced', bounceClass: 'soft' },
  reject: { type: 'dropped' },
  open: { type: 'opened' },
  click: { type: 'clicked' },
  spam: { type: 'complained' },
  unsub: { type: 'unsubscribed' },
};

/** An event of Mandrill. Source: Mailchimp Transactional documentation, "Webhook format". */
export function mandrillEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const { value } = event;
  const name = textAt(value, 'event');
  const meaning = meaningOf(meanings, name);
  if (meaning === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(name, '/event');
  return [
    emailEvent(
      {
        ...meaning,
        occurredAt: isoFromSeconds(textAt(value, 'ts')),
        messageId: textAt(value, '_id') ?? textAt(value, 'msg', '_id'),
        recipient: textAt(value, 'msg', 'email'),
        reason: textAt(value, 'msg', 'bounce_description') ?? textAt(value, 'msg', 'reject', 'reason'),
        response: textAt(value, 'msg', 'diag'),
        url: textAt(value, 'url'),
        userAgent: textAt(value, 'user_agent'),
        ip: textAt(value, 'ip'),
        subject: textAt(value, 'msg', 'subject'),
        campaignId: textAt(value, 'msg', 'metadata', 'campaign_id'),
        tags: labelsAt(value, 'msg', 'tags'),
      },
      event.id,
    ),
  ];
}
