import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createHmac } from 'node:crypto';
import {
  authorizationHeader,
  createOAuth1Credentials,
  encode,
  signatureBase,
} from '../../connectors/magento/oauth1.js';
import { createSignatureCheck } from '../../testing/magento-signature.js';

const keys = { consumerKey: 'ck', consumerSecret: 'cs', accessToken: 'at', accessTokenSecret: 'ts' };

describe('OAuth 1.0a', () => {
  test('the base string is that of RFC 5849, section 3.4.1.1 (a form’s parameters stand in the query here)', () => {
    const url = new URL('http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b&c2&a3=2+q');
    const base = signatureBase({ method: 'post', url }, [
      ['oauth_consumer_key', '9djdj82h48djs9d2'],
      ['oauth_token', 'kkk9d7dh3k39sjv7'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131201'],
      ['oauth_nonce', '7d8f3e4a'],
    ]);
    expect(base).toBe(
      'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
    );
  });

  test('and gives the signature of RFC 5849, section 1.2', () => {
    const url = new URL('http://photos.example.net/photos?file=vacation.jpg&size=original');
    const base = signatureBase({ method: 'GET', url }, [
      ['oauth_consumer_key', 'dpf43f3p2l4k3l03'],
      ['oauth_token', 'nnch734d00sl2jdk'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131202'],
      ['oauth_nonce', 'chapoH'],
    ]);
    const signature = createHmac('sha1', 'kd94hf93k423kf44&pfkkdhi9sl3r4s00').update(base).digest('base64');
    expect(signature).toBe('MdpQcU8iPSUjWoN/UDMsK2sui9I=');
  });

  test('a search of a shop is signed with HMAC-SHA256 over its brackets too', () => {
    const url = new URL(
      'https://shop.example/rest/V1/orders?searchCriteria%5BpageSize%5D=100&searchCriteria%5BcurrentPage%5D=1',
    );
    const header = authorizationHeader(
      keys,
      { method: 'GET', url },
      { nonce: 'n1', timestampSeconds: 1_700_000_000 },
    );
    expect(header).toBe(
      `OAuth oauth_consumer_key="ck", oauth_nonce="n1", oauth_signature_method="HMAC-SHA256", oauth_timestamp="1700000000", oauth_token="at", oauth_version="1.0", oauth_signature="${encode('BmIjUGcTyKrLv9x+CE5F4iUXv+TRMY0bcKH6DrcbYt0=')}"`,
    );
  });

  test('whatever stands in secrets and parameters, the shop finds the same signature; each has its own nonce', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    const { signal } = new AbortController();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, text), { maxLength: 5 }),
        text,
        text,
        async (pairs, secret, other) => {
          const url = new URL('https://shop.example/rest/all/V1/orders');
          url.search = pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
          const all = { ...keys, consumerSecret: secret, accessTokenSecret: other };
          const check = createSignatureCheck(all);
          const credentials = createOAuth1Credentials(all);
          for (let time = 0; time < 2; time += 1) {
            const { authorization = '' } = await credentials.headers(signal, { method: 'GET', url });
            expect(check('GET', url, authorization)).toBeUndefined();
            expect(check('GET', url, authorization)).toContain('nonce');
          }
        },
      ),
    );
  });
});
