import { createHmac, randomBytes } from 'node:crypto';
import type { Credentials, RequestTarget } from '../http/index.js';

/** Keys of an integration, as the shop's administration shows them. */
export interface IntegrationKeys {
  readonly consumerKey: string;
  readonly consumerSecret: string;
  readonly accessToken: string;
  readonly accessTokenSecret: string;
}

/** What makes a signature differ from the one before; tests fix it. */
export interface Moment {
  readonly nonce: string;
  readonly timestampSeconds: number;
}

type Parameter = readonly [name: string, value: string];

/**
 * Credentials that sign each request: OAuth 1.0a with HMAC-SHA256, the only method that Magento takes since 2.4.4. Every
 * try has a nonce and a time of its own. Nothing can be renewed: keys last until somebody revokes them.
 */
export function createOAuth1Credentials(keys: IntegrationKeys): Credentials {
  return {
    headers: async (_signal, target) => {
      if (target === undefined)
        throw new RangeError('createOAuth1Credentials: a signature needs its request');
      const timestampSeconds = Math.floor(Date.now() / 1000);
      const nonce = randomBytes(16).toString('hex');
      return { authorization: authorizationHeader(keys, target, { nonce, timestampSeconds }) };
    },
  };
}

/** The value of `Authorization` (RFC 5849 §3.5.1). */
export function authorizationHeader(
  { consumerKey, consumerSecret, accessToken, accessTokenSecret }: IntegrationKeys,
  target: RequestTarget,
  { nonce, timestampSeconds }: Moment,
): string {
  const parameters: Parameter[] = [
    ['oauth_consumer_key', consumerKey],
    ['oauth_nonce', nonce],
    ['oauth_signature_method', 'HMAC-SHA256'],
    ['oauth_timestamp', String(timestampSeconds)],
    ['oauth_token', accessToken],
    ['oauth_version', '1.0'],
  ];
  const signature = createHmac('sha256', `${encode(consumerSecret)}&${encode(accessTokenSecret)}`)
    .update(signatureBase(target, parameters))
    .digest('base64');
  return `OAuth ${[...parameters, ['oauth_signature', signature] as const]
    .map(([name, value]) => `${name}="${encode(value)}"`)
    .join(', ')}`;
}

/** What is signed: method, address without query, all parameters encoded and in order (RFC 5849 §3.4.1). */
export function signatureBase({ method, url }: RequestTarget, parameters: readonly Parameter[]): string {
  const pairs = [...url.searchParams, ...parameters]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`);
  return [method.toUpperCase(), `${url.origin}${url.pathname}`, pairs.join('&')].map(encode).join('&');
}

/** RFC 5849 §3.6: everything but letters, digits and `-._~`. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Encoded text has one byte per character. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
