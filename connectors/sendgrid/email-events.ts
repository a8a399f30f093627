import {
  emailEvent,
  unknownEmailEvent,
  unreadableEmailEvent,
  type BounceClass,
  type EmailEventType,
  type EmailMapping,
} from '../webhook/email-event.js';
import { labelsAt, textAt, valueAt } from '../webhook/exact-json.js';
import type { ProviderEvent } from '../webhook/provider-event.js';
import { isoFromSeconds } from '../webhook/times.js';

const types: Readonly<Record<string, EmailEventType>> = {
  processed: 'queued',
  delivered: 'delivered',
  deferred: 'deferred',
  bounce: 'bounced',
  dropped: 'dropped',
  open: 'opened',
  click: 'clicked',
  spamreport: 'complained',
  unsubscribe: 'unsubscribed',
  group_unsubscribe: 'unsubscribed',
  group_resubscribe: 'resubscribed',
};

/** An event of SendGrid. Source: Twilio SendGrid documentation, "Event Webhook Reference". */
export function sendgridEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const { value } = event;
  const type = textAt(value, 'event');
  const mapped = Object.hasOwn(types, type ?? '') ? types[type ?? ''] : undefined;
  if (mapped === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(type, '/event');
  return [
    emailEvent(
      {
        type: mapped,
        occurredAt: isoFromSeconds(textAt(value, 'timestamp')),
        messageId: textAt(value, 'sg_message_id') ?? textAt(value, 'smtp-id'),
        recipient: textAt(value, 'email'),
        bounceClass: mapped === 'bounced' ? bounceClass(value) : undefined,
        reason: textAt(value, 'reason') ?? (mapped === 'dropped' ? textAt(value, 'type') : undefined),
        response: textAt(value, 'response') ?? textAt(value, 'status'),
        url: textAt(value, 'url'),
        userAgent: textAt(value, 'useragent'),
        ip: mapped === 'opened' || mapped === 'clicked' ? textAt(value, 'ip') : undefined,
        campaignId: textAt(value, 'marketing_campaign_id'),
        tags: labelsAt(value, 'category'),
        isPrefetch: valueAt(value, 'sg_machine_open') === true,
      },
      textAt(value, 'sg_event_id'),
    ),
  ];
}

/** `blocked` is a refusal for now by a policy of the receiver; of bounces, status 4.x.x is one for now. */
function bounceClass(value: ProviderEvent['value']): BounceClass {
  if (textAt(value, 'type') === 'blocked') return 'block';
  return textAt(value, 'status')?.startsWith('4') === true ? 'soft' : 'hard';
}
