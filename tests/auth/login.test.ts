import { beforeEach, describe, expect, test } from '@jest/globals';
import { logIn } from '../../connectors/oauth/login.js';
import { oauthSettings } from '../../connectors/oauth/settings.js';
import { openOpsStore } from '../../ops/store.js';
import { rejection } from '../sources/read-all.js';
import { signIn, type LastPage } from './oauth-server.js';
import { OAuthSetting } from './oauth-setting.js';

const setting = new OAuthSetting();
let files = 0;
let name: string;

beforeEach(() => {
  files += 1;
  name = `crm-${String(files)}`;
  setting.server.grants.length = 0;
});

/** A login, and what the person at the browser does with its address. */
function start(person: (address: URL) => Promise<LastPage>, timeoutMs = 60_000) {
  const settings = oauthSettings(name, setting.codeAuth());
  let page: Promise<LastPage> | undefined;
  const result = logIn(settings, setting.store.tokens, {
    timeoutMs,
    onAddress: (address) => {
      page = person(address);
      // Looked at after the login; what goes wrong in the browser is no unhandled rejection meanwhile.
      page.catch(() => undefined);
    },
  });
  return { settings, result, page: async () => page };
}

async function visit(url: URL | string): Promise<LastPage> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text(), visited: [] };
}

function redirectOf(address: URL): URL {
  return new URL(address.searchParams.get('redirect_uri') ?? '');
}

describe('a login', () => {
  test('goes over the real redirects with PKCE and state, and its token works', async () => {
    const { settings, result, page } = start((address) => signIn(address.href));
    expect(await result).toMatchObject({ canRenew: true, expiresAt: expect.stringMatching(/Z$/) });
    const { status, text, visited } = (await page()) as LastPage;
    expect([status, text]).toEqual([200, expect.stringContaining('You are logged in')]);
    const first = new URL(visited[0] ?? '').searchParams;
    expect(first.get('code_challenge_method')).toBe('S256');
    expect(first.get('code_challenge')).toMatch(/^[\w-]{43}$/);
    const last = new URL(visited.at(-1) ?? '');
    expect(last.hostname).toBe('127.0.0.1');
    expect(last.searchParams.get('state')).toBe(first.get('state'));
    expect((await setting.request(settings)).status).toBe(200);
    expect(setting.server.grants).toEqual([['authorization_code', 'ok']]);
  });

  test('does not take an answer with another state, and goes on', async () => {
    const { result, page } = start(async (address) => {
      const forged = redirectOf(address);
      forged.search = new URLSearchParams({ code: 'stolen', state: 'forged' }).toString();
      expect(await visit(forged)).toMatchObject({ status: 400 });
      const elsewhere = new URL('/other', forged);
      expect(await visit(elsewhere)).toMatchObject({ status: 404 });
      return signIn(address.href);
    });
    await result;
    expect(await page()).toMatchObject({ status: 200 });
    expect(setting.server.grants).toEqual([['authorization_code', 'ok']]);
  });

  test('does not take an answer from another issuer', async () => {
    const { result, page } = start((address) => {
      const mixedUp = redirectOf(address);
      const state = address.searchParams.get('state') ?? '';
      mixedUp.search = new URLSearchParams({ code: 'a', state, iss: 'https://evil.example' }).toString();
      return visit(mixedUp);
    });
    expect(await rejection(result)).toMatchObject({ code: 'OAUTH_LOGIN_FAILED' });
    expect(await page()).toMatchObject({ status: 400 });
    expect(setting.server.grants).toEqual([]);
  });

  test('a code that somebody else got does not fit the verifier', async () => {
    const stolen = start(async (address) => {
      // The code of this login is shown to another one, which has a verifier of its own.
      const own = new URL(address);
      own.searchParams.set('code_challenge', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
      return signIn(own.href);
    });
    expect(await rejection(stolen.result)).toMatchObject({
      code: 'OAUTH_LOGIN_FAILED',
      message: expect.stringContaining('invalid_grant'),
    });
    expect(setting.server.grants).toEqual([['authorization_code', 'invalid_grant']]);
    expect(await setting.store.tokens.read(stolen.settings)).toBeUndefined();
  });

  test('that was denied says so and changes nothing', async () => {
    const before = await setting.loggedIn(name);
    const token = await setting.token(before);
    const { result, page } = start((address) => signIn(address.href, { deny: true }));
    expect(await rejection(result)).toMatchObject({
      code: 'OAUTH_LOGIN_FAILED',
      message: expect.stringContaining('access was denied'),
    });
    expect(await page()).toMatchObject({ status: 400, text: expect.stringContaining('did not succeed') });
    expect(await setting.token(before)).toBe(token);
  });

  test('that nobody finishes ends by itself, and its port is free again', async () => {
    let redirect: URL | undefined;
    const { result } = start(async (address) => {
      redirect = redirectOf(address);
      return visit(address);
    }, 50);
    expect(await rejection(result)).toMatchObject({
      code: 'OAUTH_LOGIN_FAILED',
      message: expect.stringContaining('nobody finished it'),
    });
    await expect(fetch(redirect ?? '')).rejects.toThrow();
  });

  test('without keys is refused before anybody is sent to the browser', async () => {
    const keyless = await openOpsStore({ path: setting.path });
    const addresses: URL[] = [];
    const settings = oauthSettings(name, setting.codeAuth());
    const result = logIn(settings, keyless.tokens, { onAddress: (address) => void addresses.push(address) });
    expect(await rejection(result)).toMatchObject({ code: 'SECRET_KEYS_MISSING' });
    expect(addresses).toEqual([]);
    await keyless.close();
  });
});

describe('settings', () => {
  const refused = (auth: object) => {
    try {
      oauthSettings(name, { type: 'oauth2', ...auth });
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  };

  test.each([
    ['nothing', {}, ["'grant'", "'clientId'"]],
    [
      'an unknown key',
      { grant: 'client_credentials', clientId: 'a', tokenUri: 'x' },
      ['unknown key "tokenUri"'],
    ],
    [
      'no endpoint and no secret',
      { grant: 'client_credentials', clientId: 'a' },
      ['needs issuer, or tokenUrl', 'clientSecret is missing'],
    ],
    [
      'http over the network',
      { grant: 'authorization_code', clientId: 'a', issuer: 'http://login.example' },
      ['auth.issuer must be https'],
    ],
    [
      'a parameter that is not theirs',
      { grant: 'authorization_code', clientId: 'a', issuer: 'https://a.example', parameters: { state: 'x' } },
      ['must not set "state"'],
    ],
    [
      'a bearer without its assertion',
      { grant: 'jwt_bearer', clientId: 'a', issuer: 'https://a.example' },
      ['auth.assertion and the grant jwt_bearer belong together'],
    ],
  ])('%s: every problem is named', (_what, auth, parts) => {
    const message = refused(auth);
    for (const part of parts) expect(message).toContain(part);
  });
});
