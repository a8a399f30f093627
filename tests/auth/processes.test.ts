import { beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../architecture/source-tree.js';
import { waitUntil } from '../helpers/project.js';
import { kindsOfPlaces, placeText } from '../ops/places.js';
import { OAuthSetting } from './oauth-setting.js';

describe.each(kindsOfPlaces)('on %s', (_kind, makePlaces) => {
  const places = makePlaces();
  const setting = new OAuthSetting(() => places.fresh());

  beforeEach(() => {
    setting.server.gate = Promise.resolve();
    setting.server.grants.length = 0;
  });

  /** A process that renews the token of a connection; it says `ready` before, and how it ended. */
  function renewInProcess(name: string, env: Record<string, string> = {}) {
    const child = spawn(
      process.execPath,
      [
        join(root, 'tests', 'auth', 'renew-child.mjs'),
        placeText(setting.place),
        name,
        JSON.stringify(setting.codeAuth()),
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          NODE_OPTIONS: '',
          TEST_KEY: setting.key,
          ...env,
        },
      },
    );
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
    const ended = once(child, 'close');
    return {
      isReady: () => text.includes('ready'),
      outcome: async () => {
        await ended;
        return text.replace('ready\n', '').trim();
      },
    };
  }

  test('processes that are refused at once make one refresh, and all of them go on', async () => {
    await setting.loggedIn('race');
    setting.server.grants.length = 0;
    setting.server.tokenRequests = 0;
    let open: () => void = () => undefined;
    setting.server.gate = new Promise((resolve) => (open = resolve));
    const children = [renewInProcess('race'), renewInProcess('race')];
    await waitUntil(
      'both were refused, and one of them asks',
      () => children.every((child) => child.isReady()) && setting.server.tokenRequests > 0,
    );
    open();
    expect(await Promise.all(children.map((child) => child.outcome()))).toEqual(['renewed', 'renewed']);
    expect(setting.server.grants).toEqual([['refresh_token', 'ok']]);
  });

  test('a process that dies after the save has lost nothing: others use its token', async () => {
    const settings = await setting.loggedIn('saved');
    const before = await setting.token(settings);
    setting.server.grants.length = 0;
    expect(await renewInProcess('saved', { MILLRACE_FAULT_POINT: 'oauth-saved' }).outcome()).toBe('');
    const after = await setting.token(settings);
    expect(after).not.toBe(before);
    expect(await setting.server.isValid(after)).toBe(true);
    expect(setting.server.grants).toEqual([['refresh_token', 'ok']]);
  });

  test('a process that dies between answer and save: the next one waits for its turn, and asks for a login', async () => {
    await setting.loggedIn('lost');
    setting.server.grants.length = 0;
    const turn = { TEST_TURN_MS: '500' };
    expect(await renewInProcess('lost', { ...turn, MILLRACE_FAULT_POINT: 'oauth-answered' }).outcome()).toBe(
      '',
    );
    expect(await renewInProcess('lost', turn).outcome()).toBe('OAUTH_LOGIN_NEEDED');
    expect(setting.server.grants).toEqual([
      ['refresh_token', 'ok'],
      ['refresh_token', 'invalid_grant'],
    ]);
    const again = await setting.loggedIn('lost');
    expect((await setting.request(again)).status).toBe(200);
  });
});
