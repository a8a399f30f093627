import {
  emailEvent,
  meaningOf,
  unknownEmailEvent,
  unreadableEmailEvent,
  type EmailMapping,
  type EmailMeaning,
} from '../webhook/email-event.js';
import { textAt } from '../webhook/exact-json.js';
import type { ProviderEvent } from '../webhook/provider-event.js';

const meanings: Readonly<Record<string, EmailMeaning>> = {
  subscribe: { type: 'resubscribed' },
  unsubscribe: { type: 'unsubscribed' },
  cleaned: { type: 'bounced', bounceClass: 'hard' },
};

/** Changes that say nothing about the e-mail to one recipient. */
const others: readonly (string | undefined)[] = ['profile', 'upemail', 'campaign'];

/** A change of an audience as an e-mail event: who was reported as spam left, or was cleaned, for the reason `abuse`. */
export function mailchimpAudienceEvents(event: ProviderEvent): readonly EmailMapping[] {
  const { value } = event;
  const name = textAt(value, 'type');
  if (others.includes(name)) return [];
  const meaning = meaningOf(meanings, name);
  if (meaning === undefined) return unreadableEmailEvent(event) ?? unknownEmailEvent(name, '/type');
  const reason = textAt(value, 'data', 'reason');
  return [
    emailEvent(
      {
        ...(reason === 'abuse' ? { type: 'complained' } : meaning),
        occurredAt: event.occurredAt,
        recipient: textAt(value, 'data', 'email'),
        reason,
        ip: textAt(value, 'data', 'ip_opt'),
        campaignId: textAt(value, 'data', 'campaign_id'),
      },
      event.id,
    ),
  ];
}
