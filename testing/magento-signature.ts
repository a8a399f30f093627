import { createHmac } from 'node:crypto';

/** Keys of the integration that the fixture shop knows. */
export interface MagentoFixtureKeys {
  readonly consumerKey: string;
  readonly consumerSecret: string;
  readonly accessToken: string;
  readonly accessTokenSecret: string;
}

/**
 * Checks signatures as a shop does: keys, time, a nonce that was not there before, and the signature over method, address
 * and all parameters. Returns what is wrong.
 */
export function createSignatureCheck(keys: MagentoFixtureKeys) {
  const seen = new Set<string>();
  return (method: string, url: URL, header: string): string | undefined => {
    const given = new Map(
      [...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
        name,
        decodeURIComponent(value),
      ]),
    );
    const [nonce = '', timestamp = ''] = [given.get('oauth_nonce'), given.get('oauth_timestamp')];
    if (given.get('oauth_signature_method') !== 'HMAC-SHA256') return 'The signature method is not supported';
    if (given.get('oauth_consumer_key') !== keys.consumerKey) return 'A consumer with the ID does not exist';
    if (given.get('oauth_token') !== keys.accessToken) return 'The token is not valid';
    if (Math.abs(Number(timestamp) - Date.now() / 1000) > 600) return 'The timestamp is not valid';
    if (nonce === '' || seen.has(`${timestamp} ${nonce}`)) return 'The nonce is already being used';
    seen.add(`${timestamp} ${nonce}`);
    const signature = given.get('oauth_signature');
    given.delete('oauth_signature');
    given.delete('realm');
    // In the order of names, then of values.
    const lines = [...url.searchParams, ...given]
      .map(([name, value]) => `${rfc3986(name)}\0${rfc3986(value)}`)
      .sort()
      .map((line) => line.replace('\0', '='));
    const base = [method, rfc3986(url.origin + url.pathname), rfc3986(lines.join('&'))].join('&');
    const key = `${rfc3986(keys.consumerSecret)}&${rfc3986(keys.accessTokenSecret)}`;
    const expected = createHmac('sha256', key).update(base).digest('base64');
    return signature === expected ? undefined : 'The signature is invalid. Verify and try again.';
  };
}

function rfc3986(text: string): string {
  return [...Buffer.from(text, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9\-._~]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
