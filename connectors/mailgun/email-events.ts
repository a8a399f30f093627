import {
  emailEvent,
  unknownEmailEvent,
  unreadableEmailEvent,
  type BounceClass,
  type EmailEventType,
  type EmailMapping,
} from '../webhook/email-event.js';
import { labelsAt, textAt, valueAt, type ExactValue } from '../webhook/exact-json.js';
import type { ProviderEvent } from '../webhook/provider-event.js';
import { isoFromSeconds } from '../webhook/times.js';

const types: Readonly<Record<string, EmailEventType>> = {
  accepted: 'queued',
  rejected: 'dropped',
  delivered: 'delivered',
  failed: 'bounced',
  opened: 'opened',
  clicked: 'clicked',
  unsubscribed: 'unsubscribed',
  complained: 'complained',
};

/** An event of Mailgun. Source: Mailgun documentation, "Webhooks" and "Events". */
export function mailgunEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const data = valueAt(event.value, 'event-data');
  const type = textAt(data, 'event');
  const known = Object.hasOwn(types, type ?? '') ? types[type ?? ''] : undefined;
  if (known === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(type, '/event-data/event');
  // A failure for now is tried again by Mailgun itself.
  const mapped = known === 'bounced' && textAt(data, 'severity') === 'temporary' ? 'deferred' : known;
  return [
    emailEvent(
      {
        type: mapped,
        occurredAt: isoFromSeconds(textAt(data, 'timestamp')),
        messageId: textAt(data, 'message', 'headers', 'message-id'),
        recipient: textAt(data, 'recipient') ?? textAt(data, 'message', 'headers', 'to'),
        bounceClass: mapped === 'bounced' ? bounceClass(data) : undefined,
        reason: textAt(data, 'reason') ?? textAt(data, 'reject', 'reason'),
        response:
          textAt(data, 'delivery-status', 'message') ?? textAt(data, 'delivery-status', 'description'),
        url: textAt(data, 'url'),
        userAgent: textAt(data, 'client-info', 'user-agent'),
        ip: textAt(data, 'ip'),
        subject: textAt(data, 'message', 'headers', 'subject'),
        campaignId: textAt(data, 'campaigns'),
        tags: labelsAt(data, 'tags'),
      },
      event.id,
    ),
  ];
}

/** `suppress-…`: Mailgun did not try, because of an earlier bounce, complaint or unsubscription. */
function bounceClass(data: ExactValue): BounceClass {
  if (textAt(data, 'reason')?.startsWith('suppress-') === true) return 'block';
  const code = textAt(data, 'delivery-status', 'code') ?? '';
  if (/^5\d\d$/.test(code)) return 'hard';
  return /^4\d\d$/.test(code) ? 'soft' : 'undetermined';
}
