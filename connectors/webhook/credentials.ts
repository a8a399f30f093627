import type { IncomingHttpHeaders } from 'node:http';
import type { WebhookProvider, WebhookSetup, WebhookVerifier } from './provider.js';
import { isSecretText, refuseSetup, sha256, singleHeader } from './check.js';

/** Where a provider without signatures puts its secret. */
export type CredentialScheme = 'basic' | 'bearer' | { readonly header: string };

/** The option of providers that may send a header of your own choice instead. */
export const credentialOptions = {
  header: {
    type: 'string',
    pattern: '^[A-Za-z0-9-]{1,64}$',
    description: 'Header that carries a secret of its own, instead of the usual one.',
  },
} as const;

/** How a provider is checked that does not sign, and sends Basic authentication or a header of your choice. */
export function basicCredentials(
  title: string,
): Pick<WebhookProvider, 'title' | 'checks' | 'secret' | 'options' | 'createVerifier'> {
  return {
    title,
    checks: 'Basic authentication, or a secret in a header of your choice',
    secret: `\`user:password\` of the address given to ${title}`,
    options: { type: 'object', additionalProperties: false, properties: credentialOptions },
    createVerifier: (setup) => createCredentialVerifier(setup, 'basic'),
  };
}

/**
 * Checks a secret that comes with each delivery. Nothing is signed: the secret proves the sender, TLS the rest, and the
 * key of the table drops a repeat. The id of a delivery is the hash of its body.
 *
 * @throws PipelineError CONFIG_INVALID for a Basic secret that is not `user:password`
 */
export function createCredentialVerifier(setup: WebhookSetup, usual: CredentialScheme): WebhookVerifier {
  const { header } = setup.options;
  const scheme = typeof header === 'string' ? { header } : usual;
  if (scheme === 'basic' && setup.secrets.some((secret) => !/^[^:]+:./.test(secret)))
    refuseSetup(setup.source, '.secrets must be "user:password" each');
  const known = setup.secrets.map(sha256);
  return {
    begin({ headers }) {
      const given = readCredential(headers, scheme);
      if (given === undefined) return `it comes without ${describe(scheme)}`;
      if (!isSecretText(known, given)) return `${describe(scheme)} is not the one that is configured`;
      return (body) => ({ accepted: { id: sha256(body).toString('hex') } });
    },
  };
}

function readCredential(headers: IncomingHttpHeaders, scheme: CredentialScheme): string | undefined {
  if (typeof scheme === 'object') return singleHeader(headers, scheme.header.toLowerCase());
  const authorization = singleHeader(headers, 'authorization');
  const [, value] = (scheme === 'basic' ? basicForm : bearerForm).exec(authorization ?? '') ?? [];
  if (value === undefined) return undefined;
  return scheme === 'basic' ? Buffer.from(value, 'base64').toString('utf8') : value;
}

const basicForm = /^basic +([A-Za-z0-9+/=_-]+)$/i;
const bearerForm = /^bearer +([\x21-\x7e]+)$/i;

function describe(scheme: CredentialScheme): string {
  if (typeof scheme === 'object') return `the header ${scheme.header}`;
  return scheme === 'basic' ? 'Basic authentication' : 'a bearer token';
}
