import { plainEvents } from '../webhook/plain-events.js';
import type { WebhookProvider } from '../webhook/provider.js';
import { createStandardVerifier } from './verifier.js';

/** Any sender that signs by Standard Webhooks 1.0 (standardwebhooks.com), Svix included. */
export const webhook: WebhookProvider = {
  title: 'Standard Webhooks, Svix',
  checks: 'HMAC-SHA256 or Ed25519 over id, time stamp and body',
  secret: '`whsec_…`, or `whpk_…` for Ed25519',
  createVerifier: createStandardVerifier,
  events: plainEvents,
};
