import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { createKeyring, keyIdOf } from '../../security/keyring.js';

const place = { connection: 'crm', path: 'auth.clientSecret' };
const entry = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const first = entry('first');
const keyring = createKeyring([first]);

function codeOf(work: () => unknown): { code: unknown; message: string } {
  try {
    work();
  } catch (error) {
    const { code, message } = error as { code: unknown; message: string };
    return { code, message };
  }
  throw new Error('nothing was thrown');
}

describe('sealed text', () => {
  test.each(['canary-secret', 'ä\u0000🔑\n"', 'x'.repeat(100_000)])('comes back as it was (%#)', (text) => {
    const sealed = keyring.seal(text, place);
    expect(sealed).not.toContain(text);
    expect(keyring.open(sealed, place)).toBe(text);
    expect(keyIdOf(sealed)).toBe('first');
  });

  test('differs each time', () => {
    expect(keyring.seal('a', place)).not.toBe(keyring.seal('a', place));
  });

  test.each([
    ['another connection', { ...place, connection: 'shop' }],
    ['another option', { ...place, path: 'auth.clientId' }],
    ['a name that runs on into the path', { connection: 'crmauth', path: '.clientSecret' }],
  ])('does not open at %s', (_what, elsewhere) => {
    const sealed = keyring.seal('canary', place);
    const { code, message } = codeOf(() => keyring.open(sealed, elsewhere));
    expect(code).toBe('SECRET_UNREADABLE');
    expect(message).toContain(elsewhere.connection);
    expect(message).not.toContain('canary');
  });

  test('does not open when one byte of it changed, or half of it is gone', () => {
    const sealed = keyring.seal('canary', place);
    const [version, id, nonce, body = ''] = sealed.split(':');
    const bytes = Buffer.from(body, 'base64url');
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    for (const damaged of [bytes.toString('base64url'), body.slice(0, 8), '']) {
      expect(codeOf(() => keyring.open([version, id, nonce, damaged].join(':'), place)).code).toBe(
        'SECRET_UNREADABLE',
      );
    }
  });
});

describe('keys', () => {
  test('the first one encrypts, all of them decrypt', () => {
    const both = createKeyring([entry('second'), first]);
    expect(both.open(keyring.seal('a', place), place)).toBe('a');
    expect(keyIdOf(both.seal('a', place))).toBe('second');
  });

  test('a key that is gone is named', () => {
    const other = createKeyring([entry('second')]);
    const { code, message } = codeOf(() => other.open(keyring.seal('a', place), place));
    expect(code).toBe('SECRET_UNREADABLE');
    expect(message).toContain('key "first"');
  });

  test('another value under the same id is told from a missing one', () => {
    const wrong = createKeyring([entry('first')]);
    const { code, message } = codeOf(() => wrong.open(keyring.seal('a', place), place));
    expect(code).toBe('SECRET_UNREADABLE');
    expect(message).toContain('another value');
  });

  test('without any, nothing is sealed or opened', () => {
    const none = createKeyring([]);
    expect(codeOf(() => none.seal('a', place)).code).toBe('SECRET_KEYS_MISSING');
    const { code, message } = codeOf(() => none.open(keyring.seal('a', place), place));
    expect(code).toBe('SECRET_KEYS_MISSING');
    expect(message).toContain('MILLRACE_SECURITY_KEYS');
  });

  test('that are no keys are refused all at once, and not shown', () => {
    const short = `b:${randomBytes(16).toString('base64')}`;
    const { code, message } = codeOf(() => createKeyring(['canary', short, first, first]));
    expect(code).toBe('CONFIG_INVALID');
    for (const part of ['security.keys.0', 'security.keys.1', '"first" twice']) {
      expect(message).toContain(part);
    }
    expect(message).not.toContain('canary');
    expect(message).not.toContain(short.slice(2));
  });
});
