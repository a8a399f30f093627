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
  injection: 'queued',
  delivery: 'delivered',
  delay: 'deferred',
  bounce: 'bounced',
  out_of_band: 'bounced',
  policy_rejection: 'dropped',
  generation_failure: 'dropped',
  generation_rejection: 'dropped',
  // The first open also comes as "open", so "initial_open" is the same fact told twice, by another part of the message.
  open: 'opened',
  initial_open: 'opened',
  amp_open: 'opened',
  amp_initial_open: 'opened',
  click: 'clicked',
  amp_click: 'clicked',
  spam_complaint: 'complained',
  list_unsubscribe: 'unsubscribed',
  link_unsubscribe: 'unsubscribed',
};

/** Numbers of SparkPost's bounce classification. Source: SparkPost documentation, "Bounce classification codes". */
const bounceNumbers: Readonly<Record<string, BounceClass>> = {
  '10': 'hard',
  '30': 'hard',
  '20': 'soft',
  '21': 'soft',
  '22': 'soft',
  '23': 'soft',
  '24': 'soft',
  '40': 'soft',
  '70': 'soft',
  '25': 'block',
  '50': 'block',
  '51': 'block',
  '52': 'block',
  '53': 'block',
  '54': 'block',
};
const otherMeanings: Readonly<Record<string, EmailEventType>> = {
  '60': 'autoresponded',
  '80': 'resubscribed',
  '90': 'unsubscribed',
  '100': 'autoresponded',
};

/** An event of SparkPost. Source: SparkPost documentation, "Event types". */
export function sparkpostEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const value = sparkpostEvent(event.value);
  const name = textAt(value, 'type');
  const known = Object.hasOwn(types, name ?? '') ? types[name ?? ''] : undefined;
  if (known === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(name, '/msys');
  const number = textAt(value, 'bounce_class') ?? '';
  const mapped = known === 'bounced' ? (otherMeanings[number] ?? known) : known;
  return [
    emailEvent(
      {
        type: mapped,
        occurredAt: isoFromSeconds(textAt(value, 'timestamp')),
        messageId: textAt(value, 'message_id') ?? textAt(value, 'transmission_id'),
        recipient: textAt(value, 'raw_rcpt_to') ?? textAt(value, 'rcpt_to'),
        bounceClass: mapped === 'bounced' ? (bounceNumbers[number] ?? 'undetermined') : undefined,
        reason: textAt(value, 'reason'),
        response: textAt(value, 'raw_reason'),
        url: textAt(value, 'target_link_url'),
        userAgent: textAt(value, 'user_agent'),
        ip: textAt(value, 'geo_ip', 'ip'),
        subject: textAt(value, 'subject'),
        campaignId: textAt(value, 'campaign_id'),
        tags: labelsAt(value, 'rcpt_tags'),
      },
      event.id,
    ),
  ];
}

/** The event itself, inside `msys` and the name of its class; `undefined` for the empty event of a trial. */
export function sparkpostEvent(value: ExactValue): ExactValue {
  const classes = valueAt(value, 'msys');
  if (typeof classes !== 'object' || classes === null || Array.isArray(classes)) return value;
  const inner = Object.values(classes as Readonly<Record<string, ExactValue>>);
  return inner.length > 1 ? value : inner[0];
}
