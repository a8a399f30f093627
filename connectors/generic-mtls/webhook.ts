import { isSecretText, refuseSetup, sha256 } from '../webhook/check.js';
import { plainEvents } from '../webhook/plain-events.js';
import type { WebhookProvider, WebhookSetup, WebhookVerifier } from '../webhook/provider.js';

/**
 * Any sender with a client certificate. The gateway itself must end TLS (`gateway.tls`): what a proxy says of a
 * certificate is a header that anybody can write.
 */
export const webhook: WebhookProvider = {
  title: 'Client certificate (mTLS)',
  checks: 'TLS client certificate of the configured authority, pinned by fingerprint',
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['fingerprints'],
    properties: {
      fingerprints: {
        type: 'array',
        minItems: 1,
        items: { type: 'string', pattern: '^([0-9A-F]{2}:){31}[0-9A-F]{2}$' },
        description:
          'SHA-256 fingerprints of the client certificates: the current one, and the next one during a change.',
      },
    },
  },
  createVerifier,
  events: plainEvents,
};

function createVerifier({ source, options }: WebhookSetup): WebhookVerifier {
  const fingerprints = options['fingerprints'] as readonly string[] | undefined;
  if (fingerprints === undefined) return refuseSetup(source, '.options.fingerprints is missing');
  const known = fingerprints.map(sha256);
  return {
    begin({ clientFingerprint }) {
      if (clientFingerprint === undefined) return 'it comes without a client certificate that is trusted';
      if (!isSecretText(known, clientFingerprint)) return 'its client certificate is not a configured one';
      return (body) => ({ accepted: { id: sha256(body).toString('hex') } });
    },
  };
}
