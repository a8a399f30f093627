import { createCredentialVerifier, credentialOptions } from '../webhook/credentials.js';
import { plainEvents } from '../webhook/plain-events.js';
import type { WebhookProvider } from '../webhook/provider.js';

/** Any sender with a secret of its own: a bearer token, or a header of your choice. */
export const webhook: WebhookProvider = {
  title: 'Bearer token',
  checks: '`Authorization: Bearer …`, or a secret in a header of your choice',
  secret: 'the token, as text',
  options: { type: 'object', additionalProperties: false, properties: credentialOptions },
  createVerifier: (setup) => createCredentialVerifier(setup, 'bearer'),
  events: plainEvents,
};
