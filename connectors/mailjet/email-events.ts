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
  // "sent" says that the receiving server has taken the message.
  sent: 'delivered',
  open: 'opened',
  click: 'clicked',
  bounce: 'bounced',
  blocked: 'dropped',
  spam: 'complained',
  unsub: 'unsubscribed',
};

/** An event of Mailjet; its message ids are above 2^53. Source: Mailjet documentation, "Event API". */
export function mailjetEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const { value } = event;
  const name = textAt(value, 'event');
  const known = Object.hasOwn(types, name ?? '') ? types[name ?? ''] : undefined;
  if (known === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(name, '/event');
  const isHard = valueAt(value, 'hard_bounce') === true;
  const isGreylisted = textAt(value, 'error') === 'greylisted' && !isHard;
  const mapped = isGreylisted && (known === 'bounced' || known === 'dropped') ? 'deferred' : known;
  return [
    emailEvent(
      {
        type: mapped,
        occurredAt: isoFromSeconds(textAt(value, 'time')),
        messageId: textAt(value, 'MessageID'),
        recipient: textAt(value, 'email'),
        bounceClass: mapped === 'bounced' ? bounceClass(value, isHard) : undefined,
        reason: textAt(value, 'error'),
        response: textAt(value, 'smtp_reply') ?? textAt(value, 'comment'),
        url: textAt(value, 'url'),
        userAgent: textAt(value, 'agent'),
        ip: textAt(value, 'ip'),
        campaignId: textAt(value, 'mj_campaign_id'),
        tags: labelsAt(value, 'customcampaign'),
      },
      event.id,
    ),
  ];
}

function bounceClass(value: ExactValue, isHard: boolean): BounceClass {
  if (textAt(value, 'error_related_to') === 'spam') return 'block';
  return isHard ? 'hard' : 'soft';
}
