import { beforeEach, describe, expect, test } from '@jest/globals';
import { logInByDevice, type DevicePrompt } from '../../connectors/oauth/device-login.js';
import { oauthSettings } from '../../connectors/oauth/settings.js';
import { rejection } from '../sources/read-all.js';
import { signIn } from './oauth-server.js';
import { OAuthSetting } from './oauth-setting.js';

const setting = new OAuthSetting();
const grant = 'urn:ietf:params:oauth:grant-type:device_code';
let files = 0;
let name: string;

beforeEach(() => {
  files += 1;
  name = `crm-${String(files)}`;
  setting.server.grants.length = 0;
});

/** A login, and what the person does with the code. */
function start(person: (prompt: DevicePrompt) => Promise<unknown>, timeoutMs = 60_000) {
  const settings = oauthSettings(name, setting.codeAuth());
  let visit: Promise<unknown> = Promise.resolve();
  const result = logInByDevice(settings, setting.store.tokens, {
    timeoutMs,
    pollMs: 100,
    onPrompt: (prompt) => {
      visit = person(prompt);
      visit.catch(() => undefined);
    },
  });
  return { settings, result, visited: () => visit };
}

describe('a login by device', () => {
  test('is pending until somebody has typed the code; its token works, and can be renewed', async () => {
    const { settings, result, visited } = start(({ address, userCode }) => signIn(address, { userCode }));
    expect(await result).toMatchObject({ canRenew: true, expiresAt: expect.stringMatching(/Z$/) });
    expect(await visited()).toMatchObject({ status: 200, text: expect.stringContaining('Sign-in Success') });
    expect((await setting.request(settings)).status).toBe(200);
    const outcomes = setting.server.grants;
    expect(outcomes.at(-1)).toEqual([grant, 'ok']);
    expect(outcomes.slice(0, -1).every(([, outcome]) => outcome === 'authorization_pending')).toBe(true);
  });

  test('goes on over an outage of the token endpoint', async () => {
    const { settings, result } = start(async ({ address, userCode }) => {
      setting.server.outages = 1;
      return signIn(address, { userCode });
    });
    await result;
    expect(setting.server.outages).toBe(0);
    expect((await setting.request(settings)).status).toBe(200);
  }, 60_000);

  test('that was denied says so', async () => {
    const { settings, result } = start(({ address, userCode }) => signIn(address, { userCode, deny: true }));
    expect(await rejection(result)).toMatchObject({
      code: 'OAUTH_LOGIN_FAILED',
      message: expect.stringContaining('access was denied'),
    });
    expect(await setting.store.tokens.read(settings)).toBeUndefined();
  });

  test('that nobody finishes ends by itself', async () => {
    const { result } = start(() => Promise.resolve(), 250);
    expect(await rejection(result)).toMatchObject({
      code: 'OAUTH_LOGIN_FAILED',
      message: expect.stringContaining('nobody finished it'),
    });
  });
});

describe('a client that signs who it is', () => {
  const auth = (further: object = {}) => {
    const { clientSecret: _secret, ...service } = setting.serviceAuth();
    const clientKey = {
      privateKey: setting.server.signerKey,
      keyId: 'signer-key',
      algorithm: 'ES256',
      ...further,
    };
    return { ...service, clientId: 'signer', clientKey };
  };

  test.each([['the token endpoint'], ['the issuer']])('gets a token, its audience %s', async (audience) => {
    const settings = oauthSettings(name, {
      ...auth(),
      ...(audience === 'the issuer' && { issuer: setting.server.url }),
    });
    expect((await setting.request(settings)).status).toBe(200);
    expect(setting.server.grants).toEqual([['client_credentials', 'ok']]);
  });

  test('gets none with a key or an audience of another', async () => {
    const stranger = oauthSettings(name, auth({ privateKey: setting.server.robotKey }));
    expect(await rejection(setting.token(stranger))).toMatchObject({ code: 'OAUTH_REFUSED' });
    const elsewhere = oauthSettings(name, auth({ audience: 'https://elsewhere.example' }));
    expect(await rejection(setting.token(elsewhere))).toMatchObject({ code: 'OAUTH_REFUSED' });
    const broken = oauthSettings(name, auth({ privateKey: 'no key' }));
    expect(await rejection(setting.token(broken))).toMatchObject({ code: 'CONNECTION_INVALID' });
  });

  test('settings that do not fit together are refused, all at once', () => {
    const both = { ...auth(), clientSecret: 'canary', clientAuth: 'basic' };
    expect(() => oauthSettings(name, both)).toThrow(/clientKey takes the place/);
    const none = { ...setting.serviceAuth(), clientAuth: 'private_key_jwt' };
    expect(() => oauthSettings(name, none)).toThrow(/clientKey is missing/);
  });
});
