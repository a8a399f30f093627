import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { openOpsStore, type OpsPlace, type OpsStore } from '../../ops/store.js';
import { createKeyring } from '../../security/keyring.js';
import { Secret } from '../../security/secret.js';
import { rejection } from '../sources/read-all.js';
import { kindsOfPlaces } from './places.js';

const canary = 'canary-secret-7f31';
const entry = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const oldKey = entry('old');
const crm = {
  set: { url: 'https://crm.example', 'auth.type': 'oauth2', auth: { clientId: 'app' }, sizes: [1, 2] },
  secrets: { 'auth.clientSecret': canary, accessToken: `${canary}-2` },
};
const options = {
  url: 'https://crm.example',
  auth: { type: 'oauth2', clientId: 'app', clientSecret: canary },
  sizes: [1, 2],
  accessToken: `${canary}-2`,
};

const owner = { connection: 'crm', fingerprint: 'f' };
const tokensOf = (name: string) => ({
  accessToken: new Secret(`${canary}-${name}`),
  refreshToken: new Secret(`${canary}-refresh`),
  obtainedAt: '2026-01-01T00:00:00.000Z',
});

describe.each(kindsOfPlaces)('on %s', (_kind, makePlaces) => {
  const places = makePlaces();
  let place: OpsPlace;
  let store: OpsStore;

  beforeEach(async () => {
    place = await places.empty();
    await open([oldKey]);
  });

  afterEach(async () => {
    await store.close();
  });

  async function open(keys: readonly string[]): Promise<void> {
    store = await openOpsStore({ ...place, keyring: createKeyring(keys) });
  }

  async function reopen(...keys: string[]): Promise<void> {
    await store.close();
    await open(keys);
  }

  describe('a stored connection', () => {
    test('comes back as it was given, in another process of the store too', async () => {
      await store.connections.add('crm', 'rest', crm);
      await reopen(oldKey);
      expect(await store.connections.reveal('crm')).toEqual({ connector: 'rest', ...options });
      expect(await store.connections.reveal('other')).toBeUndefined();
    });

    test('shows its secrets to nobody and keeps none in the clear', async () => {
      await store.connections.add('crm', 'rest', crm);
      const [shown] = await store.connections.list();
      expect(shown).toMatchObject({
        name: 'crm',
        connector: 'rest',
        options: { url: 'https://crm.example', accessToken: '[secret]', auth: { clientSecret: '[secret]' } },
      });
      expect(await places.contents(place)).toContain('https://crm.example');
      expect(await places.contents(place)).not.toContain(canary);
      await store.close();
      expect(await places.contents(place)).not.toContain(canary);
      await open([oldKey]);
    });

    test('changes option by option; a value takes the place of what is under and above it', async () => {
      await store.connections.add('crm', 'rest', crm);
      await store.connections.update('crm', {
        set: { 'sizes.first': 1, url: 'https://new.example' },
        secrets: { 'auth.clientSecret': `${canary}-3` },
        unset: ['accessToken'],
      });
      expect(await store.connections.reveal('crm')).toEqual({
        connector: 'rest',
        url: 'https://new.example',
        auth: { type: 'oauth2', clientId: 'app', clientSecret: `${canary}-3` },
        sizes: { first: 1 },
      });
      await store.connections.update('crm', { set: { sizes: 3 }, unset: ['auth'] });
      expect(await store.connections.reveal('crm')).toEqual({
        connector: 'rest',
        url: 'https://new.example',
        sizes: 3,
      });
    });

    test('is not added twice, and not changed where there is none', async () => {
      await store.connections.add('crm', 'rest', crm);
      expect(await rejection(store.connections.add('crm', 'rest', {}))).toMatchObject({
        code: 'CONNECTION_EXISTS',
      });
      expect(await rejection(store.connections.update('shop', {}))).toMatchObject({
        code: 'CONNECTION_UNKNOWN',
      });
      expect(await store.connections.reveal('crm')).toEqual({ connector: 'rest', ...options });
    });

    test('goes with its secrets and tokens', async () => {
      await store.connections.add('crm', 'rest', crm);
      await store.tokens.save(owner, tokensOf('a'));
      expect(await store.connections.remove('crm')).toBe(true);
      expect(await store.connections.remove('crm')).toBe(false);
      expect(await store.connections.list()).toEqual([]);
      expect(await store.tokens.read(owner)).toBeUndefined();
    });

    test('that a check refuses is not kept', async () => {
      const refuse = (): never => {
        throw new Error('no');
      };
      await expect(store.connections.add('crm', 'rest', crm, refuse)).rejects.toThrow('no');
      expect(await store.connections.list()).toEqual([]);
      await store.connections.add('crm', 'rest', crm);
      await expect(store.connections.update('crm', { unset: ['url'] }, refuse)).rejects.toThrow('no');
      expect(await store.connections.reveal('crm')).toEqual({ connector: 'rest', ...options });
    });

    test('with wrong options is refused, every problem at once and no value', async () => {
      const change = {
        set: {
          apiKey: canary,
          auth: { password: canary },
          list: [{ token: canary }],
          '__proto__.x': 1,
          connector: 'b',
          twice: 1,
        },
        secrets: { twice: canary, empty: '' },
      };
      const error = await rejection(store.connections.add('9crm', 'rest', change));
      expect(error).toMatchObject({ code: 'CONNECTION_INVALID' });
      const { message } = error as Error;
      for (const part of [
        'its name',
        '"apiKey" is a secret',
        '"auth.password" is a secret',
        '"__proto__.x"',
      ]) {
        expect(message).toContain(part);
      }
      for (const part of [
        '"list" is a secret',
        '"connector"',
        '"twice" is given twice',
        '"empty" is empty',
      ]) {
        expect(message).toContain(part);
      }
      expect(message).not.toContain(canary);
      expect(await store.connections.list()).toEqual([]);
    });
  });

  describe('encryption', () => {
    test('a ciphertext that was moved to another connection or option is refused', async () => {
      await store.connections.add('crm', 'rest', crm);
      await store.connections.add('spy', 'rest', { secrets: { accessToken: 'own' } });
      await places.sql(
        place,
        `UPDATE connection_options SET sealed = (SELECT sealed FROM connection_options
         WHERE connection = 'crm' AND path = 'accessToken') WHERE connection = 'spy'`,
      );
      expect(await rejection(store.connections.reveal('spy'))).toMatchObject({ code: 'SECRET_UNREADABLE' });
      await places.sql(
        place,
        `UPDATE connection_options SET sealed = (SELECT sealed FROM connection_options
         WHERE connection = 'crm' AND path = 'accessToken') WHERE path = 'auth.clientSecret'`,
      );
      expect(await rejection(store.connections.reveal('crm'))).toMatchObject({ code: 'SECRET_UNREADABLE' });
    });

    test('without keys a secret is neither written nor read, and the rest is', async () => {
      await store.connections.add('crm', 'rest', crm);
      await reopen();
      expect(await rejection(store.connections.reveal('crm'))).toMatchObject({ code: 'SECRET_KEYS_MISSING' });
      expect(await rejection(store.connections.add('new', 'rest', crm))).toMatchObject({
        code: 'SECRET_KEYS_MISSING',
      });
      await store.connections.add('plain', 'file', { set: { url: 'https://a.example' } });
      expect(await store.connections.reveal('plain')).toEqual({
        connector: 'file',
        url: 'https://a.example',
      });
      expect((await store.connections.list()).map(({ name }) => name)).toEqual(['crm', 'plain']);
    });

    test('a rotation moves everything to the first key, so that the old one may go', async () => {
      await store.connections.add('crm', 'rest', crm);
      await store.tokens.save(owner, tokensOf('a'));
      const newKey = entry('new');
      await reopen(newKey, oldKey);
      expect(await store.rotateKeys()).toEqual({ keyId: 'new', renewed: 3, unchanged: 0 });
      expect(await store.rotateKeys()).toEqual({ keyId: 'new', renewed: 0, unchanged: 3 });
      await reopen(newKey);
      expect(await store.connections.reveal('crm')).toEqual({ connector: 'rest', ...options });
      expect((await store.tokens.read(owner))?.accessToken.reveal()).toBe(`${canary}-a`);
      await reopen(oldKey);
      expect(await rejection(store.connections.reveal('crm'))).toMatchObject({ code: 'SECRET_UNREADABLE' });
    });

    test('a rotation that cannot read one secret changes none', async () => {
      await store.connections.add('crm', 'rest', crm);
      await reopen(entry('lost'));
      await store.connections.add('zoo', 'rest', { secrets: { accessToken: 'a' } });
      await reopen(entry('new'), oldKey);
      expect(await rejection(store.rotateKeys())).toMatchObject({ code: 'SECRET_UNREADABLE' });
      await reopen(oldKey);
      expect(await store.connections.reveal('crm')).toEqual({ connector: 'rest', ...options });
    });
  });

  describe('tokens', () => {
    test('are kept encrypted, and are none for other settings of the connection', async () => {
      await store.tokens.save(owner, { ...tokensOf('a'), expiresAt: '2026-01-01T01:00:00.000Z' });
      const stored = await store.tokens.read(owner);
      expect(stored?.refreshToken?.reveal()).toBe(`${canary}-refresh`);
      expect(stored).toMatchObject({ expiresAt: '2026-01-01T01:00:00.000Z', version: 1 });
      expect(await store.tokens.read({ ...owner, fingerprint: 'other' })).toBeUndefined();
      expect(await places.contents(place)).not.toContain(canary);
    });

    test('that were renewed meanwhile are not replaced by an older answer', async () => {
      await store.tokens.save(owner, tokensOf('a'));
      expect(await store.tokens.save(owner, tokensOf('b'), 1)).toBe(true);
      expect(await store.tokens.save(owner, tokensOf('c'), 1)).toBe(false);
      expect(await store.tokens.save(owner, tokensOf('d'), 0)).toBe(false);
      expect((await store.tokens.read(owner))?.accessToken.reveal()).toBe(`${canary}-b`);
      expect(await store.tokens.save({ ...owner, fingerprint: 'new' }, tokensOf('e'), 0)).toBe(true);
    });
  });
});
