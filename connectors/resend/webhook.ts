import { createStandardVerifier } from '../standard-webhooks/verifier.js';
import type { WebhookProvider } from '../webhook/provider.js';
import { plainEvents } from '../webhook/plain-events.js';
import { textAt } from '../webhook/exact-json.js';
import { resendEmailEvents } from './email-events.js';

/** Resend signs with Svix. Source: Resend documentation, "Webhooks". */
export const webhook: WebhookProvider = {
  title: 'Resend',
  checks: 'HMAC-SHA256 over id, time stamp and body (Svix headers)',
  secret: '`whsec_…`, the signing secret of the webhook',
  createVerifier: createStandardVerifier,
  events: (delivery) =>
    plainEvents(delivery).map((event) => ({
      ...event,
      objectType: 'message',
      objectId: textAt(event.value, 'data', 'email_id'),
    })),
  emailEvents: resendEmailEvents,
};
