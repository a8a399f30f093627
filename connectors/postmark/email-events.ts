import {
  emailEvent,
  meaningOf,
  unknownEmailEvent,
  unreadableEmailEvent,
  type EmailMapping,
  type EmailMeaning,
} from '../webhook/email-event.js';
import { labelsAt, textAt, valueAt, type ExactValue } from '../webhook/exact-json.js';
import type { ProviderEvent } from '../webhook/provider-event.js';
import { isoFromText } from '../webhook/times.js';

const records: Readonly<Record<string, EmailMeaning>> = {
  Delivery: { type: 'delivered' },
  Open: { type: 'opened' },
  Click: { type: 'clicked' },
};

/** `Type` of a bounce or complaint, `SuppressionReason` of a subscription change. */
const details: Readonly<Record<string, EmailMeaning>> = {
  HardBounce: { type: 'bounced', bounceClass: 'hard' },
  SoftBounce: { type: 'bounced', bounceClass: 'soft' },
  Undeliverable: { type: 'bounced', bounceClass: 'soft' },
  VirusNotification: { type: 'bounced', bounceClass: 'block' },
  SpamNotification: { type: 'bounced', bounceClass: 'block' },
  DMARCPolicy: { type: 'bounced', bounceClass: 'block' },
  Blocked: { type: 'bounced', bounceClass: 'block' },
  Unknown: { type: 'bounced', bounceClass: 'undetermined' },
  Transient: { type: 'deferred' },
  DnsError: { type: 'deferred' },
  OpenRelayTest: { type: 'deferred' },
  BadEmailAddress: { type: 'dropped' },
  ManuallyDeactivated: { type: 'dropped' },
  Unconfirmed: { type: 'dropped' },
  SMTPApiError: { type: 'dropped' },
  TemplateRenderingFailed: { type: 'dropped' },
  AutoResponder: { type: 'autoresponded' },
  AddressChange: { type: 'autoresponded' },
  ChallengeVerification: { type: 'autoresponded' },
  SpamComplaint: { type: 'complained' },
  Unsubscribe: { type: 'unsubscribed' },
  Subscribe: { type: 'resubscribed' },
};

/** An event of Postmark. Source: Postmark documentation, "Webhooks" and "Bounce types". */
export function postmarkEmailEvents(event: ProviderEvent): readonly EmailMapping[] {
  const { value } = event;
  const record = textAt(value, 'RecordType');
  const meaning = meaningOfRecord(value, record);
  if (meaning === undefined) {
    const pointer = record === 'Bounce' || record === 'SpamComplaint' ? '/Type' : '/RecordType';
    return unreadableEmailEvent(event) ?? unknownEmailEvent(textAt(value, pointer.slice(1)), pointer);
  }
  return [
    emailEvent(
      {
        ...meaning,
        occurredAt: postmarkTime(value),
        messageId: textAt(value, 'MessageID'),
        recipient: textAt(value, 'Email') ?? textAt(value, 'Recipient'),
        reason: textAt(value, 'Description') ?? textAt(value, 'SuppressionReason'),
        response: textAt(value, 'Details'),
        url: textAt(value, 'OriginalLink'),
        userAgent: textAt(value, 'UserAgent'),
        ip: textAt(value, 'Geo', 'IP'),
        subject: textAt(value, 'Subject'),
        campaignId: textAt(value, 'MessageStream'),
        tags: labelsAt(value, 'Tag'),
      },
      event.id,
    ),
  ];
}

/** The time of the event, whatever it is called in its record. */
export function postmarkTime(value: ExactValue): string | undefined {
  const names = ['DeliveredAt', 'BouncedAt', 'ReceivedAt', 'ChangedAt'];
  return isoFromText(names.map((name) => textAt(value, name)).find((text) => text !== undefined));
}

function meaningOfRecord(value: ExactValue, record: string | undefined): EmailMeaning | undefined {
  if (record === 'Bounce') return meaningOf(details, textAt(value, 'Type'));
  if (record === 'SpamComplaint') return { type: 'complained' };
  if (record === 'SubscriptionChange') {
    if (valueAt(value, 'SuppressSending') === false) return { type: 'resubscribed' };
    // A bounce or a complaint that ends the subscription also comes as a record of its own.
    return { type: 'unsubscribed' };
  }
  return meaningOf(records, record);
}
