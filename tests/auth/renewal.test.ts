import { beforeEach, describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { createOAuthCredentials } from '../../connectors/oauth/credentials.js';
import { oauthSettings } from '../../connectors/oauth/settings.js';
import { openOpsStore } from '../../ops/store.js';
import { createKeyring } from '../../security/keyring.js';
import { waitUntil } from '../helpers/project.js';
import { rejection } from '../sources/read-all.js';
import { OAuthSetting } from './oauth-setting.js';

const setting = new OAuthSetting();
let files = 0;
let name: string;

beforeEach(() => {
  files += 1;
  name = `crm-${String(files)}`;
  setting.server.grants.length = 0;
  setting.server.resourceStatuses.length = 0;
  setting.server.onRefused = () => undefined;
  setting.server.gate = Promise.resolve();
});

/** Everything that a log line or a report could show of an error. */
function inspectAll(error: Error): string {
  return `${inspect(error, { depth: 10, showHidden: true })}${JSON.stringify(error)}${String(error.stack)}`;
}

const refreshed = (count: number) => Array.from({ length: count }, () => ['refresh_token', 'ok']);

describe('a token', () => {
  test.each([
    ['an hour old, ten minutes before its end, is used', 3_600, 600, 0],
    ['an hour old, half a minute before its end, is renewed', 3_600, 30, 1],
    ['that lives less than a minute is used in its first half', 0, 50, 0],
    ['that lives less than a minute is renewed in its second half', 40, 10, 1],
    ['that ended is renewed', 3_600, -1, 1],
  ])('%s', async (_what, ageSeconds, restSeconds, renewals) => {
    const settings = await setting.loggedIn(name);
    const stored = await setting.store.tokens.read(settings);
    await setting.store.tokens.save(settings, {
      ...stored!,
      obtainedAt: new Date(Date.now() - ageSeconds * 1000).toISOString(),
      expiresAt: new Date(Date.now() + restSeconds * 1000).toISOString(),
    });
    setting.server.grants.length = 0;
    expect((await setting.request(settings)).status).toBe(200);
    expect(setting.server.resourceStatuses).toEqual([200]);
    expect(setting.server.grants).toEqual(refreshed(renewals));
  });

  test('that is refused is renewed once and the request repeated once', async () => {
    const settings = await setting.loggedIn(name);
    setting.server.grants.length = 0;
    await setting.server.revokeAccess(await setting.token(settings));
    expect((await setting.request(settings)).status).toBe(200);
    expect(setting.server.resourceStatuses).toEqual([401, 200]);
    expect(setting.server.grants).toEqual(refreshed(1));
  });

  test('that is refused while its server has an outage is renewed when that is over', async () => {
    const settings = await setting.loggedIn(name);
    setting.server.grants.length = 0;
    await setting.server.revokeAccess(await setting.token(settings));
    setting.server.outages = 1;
    expect((await setting.request(settings)).status).toBe(200);
    expect(setting.server.resourceStatuses).toEqual([401, 401, 200]);
    expect(setting.server.grants).toEqual(refreshed(1));
  });

  test('whose successor is refused too ends the request, with the way out', async () => {
    const settings = await setting.loggedIn(name);
    setting.server.grants.length = 0;
    setting.server.isResourceClosed = true;
    const error = await rejection(setting.request(settings)).finally(() => {
      setting.server.isResourceClosed = false;
    });
    expect(error).toMatchObject({ code: 'OAUTH_TOKEN_USELESS', retryable: false });
    expect(error.message).toContain(`millrace connections login ${name}`);
    expect(setting.server.resourceStatuses).toEqual([401, 401]);
    expect(setting.server.grants).toEqual(refreshed(1));
  });

  test('that cannot be renewed any more asks for a login, and shows no token', async () => {
    const settings = await setting.loggedIn(name);
    const token = await setting.token(settings);
    const stored = await setting.store.tokens.read(settings);
    const refreshToken = stored?.refreshToken?.reveal() ?? '';
    await setting.server.revokeGrant(token);
    const error = await rejection(setting.request(settings));
    expect(error).toMatchObject({ code: 'OAUTH_LOGIN_NEEDED', retryable: false });
    expect(error.message).toContain(`millrace connections login ${name}`);
    for (const secret of [token, refreshToken]) expect(inspectAll(error)).not.toContain(secret);
    expect(setting.server.grants.at(-1)).toEqual(['refresh_token', 'invalid_grant']);
  });

  test('of a connection that nobody logged in to, or whose settings changed, is asked for by name', async () => {
    const settings = oauthSettings(name, setting.codeAuth());
    expect(await rejection(setting.token(settings))).toMatchObject({ code: 'OAUTH_LOGIN_NEEDED' });
    await setting.loggedIn(name);
    const other = oauthSettings(name, setting.codeAuth({ clientId: 'other' }));
    expect(await rejection(setting.token(other))).toMatchObject({ code: 'OAUTH_LOGIN_NEEDED' });
  });
});

describe('many at once', () => {
  test('a server that rotates takes a second use of a refresh token for theft', async () => {
    const settings = await setting.loggedIn(name);
    const { refreshToken } = (await setting.store.tokens.read(settings)) ?? {};
    await setting.server.revokeAccess(await setting.token(settings));
    await setting.request(settings);
    const token = await setting.token(settings);
    await setting.store.tokens.save(settings, {
      accessToken: (await setting.store.tokens.read(settings))!.accessToken,
      refreshToken: refreshToken!,
      obtainedAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-01-01T00:00:01.000Z',
    });
    expect(await rejection(setting.token(settings))).toMatchObject({ code: 'OAUTH_LOGIN_NEEDED' });
    expect(await setting.server.isValid(token)).toBe(false);
  });

  test('requests of two stores that are refused together renew once', async () => {
    const settings = await setting.loggedIn(name);
    setting.server.grants.length = 0;
    await setting.server.revokeAccess(await setting.token(settings));
    const other = await openOpsStore({ path: setting.path, keyring: createKeyring([setting.key]) });
    let open: () => void = () => undefined;
    setting.server.gate = new Promise((resolve) => (open = resolve));
    setting.server.onRefused = (count) => {
      if (count === 8) open();
    };
    const credentials = [setting.credentials(settings), createOAuthCredentials(settings, other.tokens)];
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => setting.request(settings, credentials[index % 2])),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(setting.server.grants).toEqual(refreshed(1));
    await other.close();
  });

  test('who gets the turn just after another renewed takes that token', async () => {
    const settings = await setting.loggedIn(name);
    setting.server.grants.length = 0;
    const refused = await setting.credentials(settings).headers(setting.signal);
    // The other one renews between this one's look at the store and its turn.
    const late = createOAuthCredentials(settings, {
      ...setting.store.tokens,
      takeTurn: async (...turn) => {
        await setting.credentials(settings).renew?.(refused, setting.signal);
        return setting.store.tokens.takeTurn(...turn);
      },
    });
    await late.renew?.(refused, setting.signal);
    expect(await late.headers(setting.signal)).not.toEqual(refused);
    expect(setting.server.grants).toEqual(refreshed(1));
  });

  test('a login during a renewal wins over it', async () => {
    const settings = await setting.loggedIn(name);
    await setting.server.revokeAccess(await setting.token(settings));
    let open: () => void = () => undefined;
    setting.server.gate = new Promise((resolve) => (open = resolve));
    setting.server.tokenRequests = 0;
    const credentials = setting.credentials(settings);
    const refused = await credentials.headers(setting.signal);
    const renewal = credentials.renew?.(refused, setting.signal);
    await waitUntil('the renewal is under way', () => setting.server.tokenRequests > 0);
    setting.server.gate = Promise.resolve();
    await setting.loggedIn(name);
    const token = await setting.token(settings);
    open();
    await renewal;
    expect(await setting.token(settings)).toBe(token);
    expect((await setting.request(settings)).status).toBe(200);
  });
});

describe('other grants', () => {
  test('client credentials: one token for all, renewed when it is refused', async () => {
    const settings = oauthSettings(name, setting.serviceAuth());
    await Promise.all([1, 2, 3].map(() => setting.request(settings)));
    expect(setting.server.grants).toEqual([['client_credentials', 'ok']]);
    await setting.server.revokeAccess(await setting.token(settings));
    expect((await setting.request(settings)).status).toBe(200);
    expect(setting.server.grants).toHaveLength(2);
  });

  test('client credentials in the body', async () => {
    const settings = oauthSettings(
      name,
      setting.serviceAuth({ clientId: 'service-post', clientAuth: 'post' }),
    );
    expect((await setting.request(settings)).status).toBe(200);
  });

  test('a wrong client secret is named by its code, and not shown', async () => {
    const settings = oauthSettings(name, setting.serviceAuth({ clientSecret: 'canary-wrong' }));
    const error = await rejection(setting.request(settings));
    expect(error).toMatchObject({ code: 'OAUTH_REFUSED', retryable: false });
    expect(error.message).toContain('invalid_client');
    expect(inspectAll(error)).not.toContain('canary-wrong');
  });

  test('JWT bearer: an assertion that is signed with the key of the connection', async () => {
    const auth = {
      type: 'oauth2',
      grant: 'jwt_bearer',
      issuer: setting.server.url,
      clientId: 'robot',
      assertion: {
        privateKey: setting.server.robotKey,
        keyId: 'robot-key',
        algorithm: 'ES256',
        subject: 'ana',
        claims: { scope: 'orders' },
      },
    };
    expect((await setting.request(oauthSettings(name, auth))).status).toBe(200);
    const wrong = { ...auth, assertion: { ...auth.assertion, subject: 'bob' } };
    expect(await rejection(setting.request(oauthSettings(name, wrong)))).toMatchObject({
      code: 'OAUTH_REFUSED',
      message: expect.stringContaining('invalid_grant'),
    });
    const broken = { ...auth, assertion: { ...auth.assertion, privateKey: 'canary-key' } };
    const error = await rejection(setting.request(oauthSettings(`${name}-broken`, broken)));
    expect(error).toMatchObject({ code: 'CONNECTION_INVALID' });
    expect(inspectAll(error)).not.toContain('canary-key');
  });

  test('a server that is down is a matter of time', async () => {
    const settings = oauthSettings(name, setting.serviceAuth({ tokenUrl: 'http://127.0.0.1:9/token' }));
    expect(await rejection(setting.token(settings))).toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      retryable: true,
    });
  });
});
