import { createCredentialVerifier } from '../webhook/credentials.js';
import { plainEvents } from '../webhook/plain-events.js';
import type { WebhookProvider } from '../webhook/provider.js';

/** Any sender with HTTP Basic authentication. */
export const webhook: WebhookProvider = {
  title: 'Basic authentication',
  checks: '`Authorization: Basic …`',
  secret: '`user:password`',
  createVerifier: (setup) => createCredentialVerifier(setup, 'basic'),
  events: plainEvents,
};
