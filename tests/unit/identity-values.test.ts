import { describe, expect, test } from '@jest/globals';
import { readIdentifier } from '../../activities/identity/identifier.js';
import { readIdentity } from '../../core/identity/options.js';
import { identityProblems, type IdentifierType } from '../../core/identity/spec.js';

describe('a value', () => {
  const type: IdentifierType = {
    ...{ name: 'email', kind: 'email', limit: 1, hash: false, pii: 'contact' },
    blocked: ['test@*', '*+junk@*.example'],
  };
  test.each(['Ana@Shop.TEST', ' ana@shop.test\n'])('%j is ana@shop.test', (raw) => {
    expect(readIdentifier(type, raw)).toMatchObject({ value: 'ana@shop.test', isBlocked: false });
  });
  test.each(['a.n.a@gmail.test', 'ana+news@gmail.test'])(
    '%s keeps what providers read differently',
    (raw) => {
      expect(readIdentifier(type, raw).value).toBe(raw);
    },
  );
  test.each([
    '',
    ' ',
    'NULL',
    'Undefined',
    '0000-00',
    'nobody',
    'test@a.b',
    'TEST@',
    'x+junk@y.example',
    `${'a'.repeat(600)}@b`,
  ])('%s identifies nobody', (raw) => {
    expect(readIdentifier(type, raw).isBlocked).toBe(true);
  });
  test.each(['contest@a.b', 'x+junk@y.examples', 'null@a.b'])('%s identifies somebody', (raw) => {
    expect(readIdentifier(type, raw).isBlocked).toBe(false);
  });
});

test('a declaration that contradicts itself is refused with all its problems', () => {
  const problems = identityProblems(
    readIdentity({
      into: 'persons',
      identifiers: { user: { limit: 0 }, email: { blocked: ['*'] } },
      sources: [{ table: 'persons_links', at: 'at', columns: { phone: 'telephone' } }],
    }),
  );
  expect(problems.join('\n')).toMatch(
    /limit is 0[\s\S]*blocks every value[\s\S]*itself writes[\s\S]*"telephone"/,
  );
});
