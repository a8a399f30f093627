import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { requestOwnTokens } from '../../connectors/oauth/grants.js';
import { oauthSettings } from '../../connectors/oauth/settings.js';
import { limits } from '../../core/limits.js';
import { rejection } from '../sources/read-all.js';

/** A fixture for answers that a well-kept server does not give. */
let server: Server;
let answer: RequestListener;
let requests: string[] = [];

const canary = 'canary-secret-33c4';

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function ask() {
  requests = [];
  const { port } = server.address() as AddressInfo;
  return requestOwnTokens(
    oauthSettings('crm', {
      type: 'oauth2',
      grant: 'client_credentials',
      tokenUrl: `http://127.0.0.1:${String(port)}/token`,
      clientId: 'app',
      clientSecret: canary,
    }),
  );
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof body === 'string' ? body : JSON.stringify(body));

describe('a token answer', () => {
  test('without a token type is read as Bearer, as several vendors mean it', async () => {
    answer = json(200, { access_token: 'a', expires_in: 86_399, scope: 'read_orders' });
    const tokens = await ask();
    expect(tokens.accessToken.reveal()).toBe('a');
    expect(Date.parse(tokens.expiresAt ?? '') - Date.parse(tokens.obtainedAt)).toBe(86_399_000);
  });

  test('with a life of nothing has no end, as Mailchimp means it', async () => {
    answer = json(200, { access_token: 'a', token_type: 'bearer', expires_in: 0, scope: null });
    expect((await ask()).expiresAt).toBeUndefined();
  });

  test('with an absurd life time is bounded', async () => {
    answer = json(200, { access_token: 'a', token_type: 'bearer', expires_in: 1e17 });
    const tokens = await ask();
    expect(Date.parse(tokens.expiresAt ?? '') - Date.parse(tokens.obtainedAt)).toBe(
      limits.oauthTokenMaxLifeMs,
    );
  });

  test.each([
    ['no JSON', json(200, 'hello'), 'OAUTH_REFUSED'],
    ['no token', json(200, { token_type: 'bearer' }), 'OAUTH_REFUSED'],
    ['a list', json(200, '["access_token"]'), 'OAUTH_REFUSED'],
    ['larger than the bound', json(200, 'x'.repeat(limits.oauthAnswerMaxBytes + 1)), 'SOURCE_PROTOCOL'],
    ['a redirect', json(302, '', { location: '/elsewhere' }), 'OAUTH_REFUSED'],
    [
      '401 with a challenge',
      json(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic' }),
      'OAUTH_REFUSED',
    ],
    [
      'an error that repeats the secret',
      json(400, { error: canary, error_description: canary }),
      'OAUTH_REFUSED',
    ],
    ['503', json(503, canary), 'SOURCE_UNAVAILABLE'],
    ['429', json(429, canary, { 'retry-after': '7' }), 'SOURCE_RATE_LIMITED'],
  ])('that is %s has its code, and shows nothing of what was sent', async (_what, listener, code) => {
    answer = listener;
    const error = await rejection(ask());
    expect(error).toMatchObject({ code, message: expect.stringContaining('crm') });
    expect(`${inspect(error, { depth: 10, showHidden: true })}${JSON.stringify(error)}`).not.toContain(
      canary,
    );
    expect(requests).toEqual(['/token']);
  });

  test('429 tells how long to wait', async () => {
    answer = json(429, '', { 'retry-after': '7' });
    expect(await rejection(ask())).toMatchObject({ retryable: true, retryAfterMs: 7_000 });
  });
});
