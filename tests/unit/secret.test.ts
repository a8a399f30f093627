import { expect, test } from '@jest/globals';
import { format, inspect } from 'node:util';
import { Secret, secretMask } from '../../security/secret.js';

const canary = 'canary-52c0de';

test.each<[string, (secret: Secret) => string]>([
  ['text', (secret) => String(secret)],
  ['a template', (secret) => `a ${secret as unknown as string}`],
  ['concatenation', (secret) => 'a' + (secret as unknown as string)],
  ['JSON', (secret) => JSON.stringify({ secret, list: [secret] })],
  ['util.inspect', (secret) => inspect({ secret }, { depth: null, showHidden: true })],
  ['util.format', (secret) => format('%s %o %j %O', secret, secret, secret, secret)],
  [
    'own properties',
    (secret) =>
      Object.getOwnPropertyNames(secret).join() + JSON.stringify(Object.values(secret)) + secretMask,
  ],
  ['an error text', (secret) => new Error(`failed with ${secret as unknown as string}`).message],
])('does not show in %s', (_name, show) => {
  const shown = show(new Secret(canary));
  expect(shown).not.toContain(canary);
  expect(shown).toContain(secretMask);
});

test('reveal gives the value', () => {
  expect(new Secret(canary).reveal()).toBe(canary);
});

test('cannot be empty, and cannot be changed', () => {
  expect(() => new Secret('')).toThrow(TypeError);
  expect(Object.isFrozen(new Secret(canary))).toBe(true);
});
