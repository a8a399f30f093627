import {
  emailEvent,
  meaningOf,
  unknownEmailEvent,
  unreadableEmailEvent,
  type EmailMapping,
  type EmailMeaning,
} from '../webhook/email-event.js';
import { labelsAt, textAt, type ExactValue } from '../webhook/exact-json.js';
import type { ProviderEvent } from '../webhook/provider-event.js';
import { isoFromMilliseconds, isoFromSeconds } from '../webhook/times.js';

const meanings: Readonly<Record<string, EmailMeaning>> = {
  request: { type: 'queued' },
  sent: { type: 'sent' },
  delivered: { type: 'delivered' },
  deferred: { type: 'deferred' },
  hard_bounce: { type: 'bounced', bounceClass: 'hard' },
  soft_bounce: { type: 'bounced', bounceClass: 'soft' },
  invalid_email: { type: 'bounced', bounceClass: 'hard' },
  blocked: { type: 'dropped' },
  error: { type: 'dropped' },
  opened: { type: 'opened' },
  unique_opened: { type: 'opened' },
  proxy_open: { type: 'opened', isPrefetch: true },
  unique_proxy_open: { type: 'opened', isPrefetch: true },
  click: { type: 'clicked' },
  spam: { type: 'complained' },
  complaint: { type: 'complained' },
  unsubscribe: { type: 'unsubscribed' },
  unsubscribed: { type: 'unsubscribed' },
  list_addition: { type: 'resubscribed' },
};

/** An event of Brevo. Source: Brevo documentation, "Transactional webhooks" and "Marketing webhooks". */
export function brevoEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const { value } = event;
  const name = textAt(value, 'event');
  const meaning = meaningOf(meanings, name);
  if (meaning === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(name, '/event');
  const tags = labelsAt(value, 'tags');
  return [
    emailEvent(
      {
        ...meaning,
        occurredAt: brevoTime(value),
        messageId: textAt(value, 'message-id'),
        recipient: textAt(value, 'email'),
        reason: textAt(value, 'reason'),
        url: textAt(value, 'link') ?? textAt(value, 'URL'),
        userAgent: textAt(value, 'user_agent'),
        ip: textAt(value, 'device_used') === undefined ? undefined : textAt(value, 'ip'),
        subject: textAt(value, 'subject'),
        campaignId: textAt(value, 'camp_id') ?? textAt(value, 'template_id'),
        tags: tags.length > 0 ? tags : labelsAt(value, 'tag'),
      },
      event.id,
    ),
  ];
}

/** Only the epochs are UTC; `ts_event` is in seconds, `date` follows the time zone of the account. */
export function brevoTime(value: ExactValue): string | undefined {
  return isoFromMilliseconds(textAt(value, 'ts_epoch')) ?? isoFromSeconds(textAt(value, 'ts_event'));
}
