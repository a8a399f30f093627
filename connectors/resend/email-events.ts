import {
  emailEvent,
  unknownEmailEvent,
  unreadableEmailEvent,
  type BounceClass,
  type EmailEventType,
  type EmailMapping,
} from '../webhook/email-event.js';
import { labelsAt, listAt, textAt } from '../webhook/exact-json.js';
import type { ProviderEvent } from '../webhook/provider-event.js';
import { isoFromText } from '../webhook/times.js';

const types: Readonly<Record<string, EmailEventType>> = {
  'email.scheduled': 'queued',
  'email.sent': 'sent',
  'email.delivered': 'delivered',
  'email.delivery_delayed': 'deferred',
  'email.bounced': 'bounced',
  'email.failed': 'dropped',
  'email.suppressed': 'dropped',
  'email.opened': 'opened',
  'email.clicked': 'clicked',
  'email.complained': 'complained',
};

/**
 * An event of Resend. The id is that of the delivery, which repeats keep. A message with several recipients does not say
 * which one it was; the first is taken. Source: Resend documentation, "Webhook event types".
 */
export function resendEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const { value } = event;
  const type = textAt(value, 'type');
  const mapped = Object.hasOwn(types, type ?? '') ? types[type ?? ''] : undefined;
  if (mapped === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(type, '/type');
  const [to] = listAt(value, 'data', 'to');
  return [
    emailEvent(
      {
        type: mapped,
        occurredAt: isoFromText(textAt(value, 'created_at') ?? textAt(value, 'timestamp')),
        messageId: textAt(value, 'data', 'email_id'),
        recipient: typeof to === 'string' ? (/<([^<>]+)>$/.exec(to)?.[1] ?? to) : undefined,
        bounceClass: mapped === 'bounced' ? bounceClass(textAt(value, 'data', 'bounce', 'type')) : undefined,
        reason: textAt(value, 'data', 'bounce', 'message') ?? textAt(value, 'data', 'failed', 'reason'),
        url: textAt(value, 'data', 'click', 'link'),
        userAgent: textAt(value, 'data', 'click', 'userAgent') ?? textAt(value, 'data', 'open', 'userAgent'),
        ip: textAt(value, 'data', 'click', 'ipAddress') ?? textAt(value, 'data', 'open', 'ipAddress'),
        subject: textAt(value, 'data', 'subject'),
        campaignId: textAt(value, 'data', 'broadcast_id'),
        tags: labelsAt(value, 'data', 'tags'),
      },
      event.id,
    ),
  ];
}

function bounceClass(type: string | undefined): BounceClass {
  if (type === 'Permanent') return 'hard';
  return type === 'Transient' ? 'soft' : 'undetermined';
}
