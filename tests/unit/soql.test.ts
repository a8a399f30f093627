import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { explainRefusal } from '../../connectors/salesforce/refusal.js';
import { conditionText, nameProblem, soqlText, textLiteral } from '../../connectors/salesforce/soql.js';
import { limits } from '../../core/limits.js';
import { parseSoql } from '../../testing/salesforce-soql.js';

describe('SOQL', () => {
  test('writes any text so that nothing of it is syntax', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const written = textLiteral(text);
        expect(written).toMatch(/^'(?:[^'\\]|\\.)*'$/su);
        const query = parseSoql(`SELECT Id FROM Contact WHERE Name = ${written}`);
        expect(query?.passes(() => text)).toBe(true);
      }),
    );
    expect(textLiteral('a\'b"c\\d\n\u0001')).toBe(String.raw`'a\'b\"c\\d\n\u0001'`);
  });

  test('takes names that are names, and nothing else', () => {
    for (const name of ['Contact', 'Invoice__c', 'ns__Field_2__c'])
      expect(nameProblem('a field', name)).toEqual([]);
    for (const name of ['', '1a', 'a b', "a'", 'a;b', 'Account.Name', 'COUNT()', 'a\n'])
      expect(nameProblem('a field', name)).toHaveLength(1);
    const query = { object: 'Contact', conditions: [], orderBy: [] };
    expect(() => soqlText({ ...query, fields: ['Id FROM User'] })).toThrow(RangeError);
  });

  test.each([
    ['datetime', '=', '2026-01-05T08:00:00+01:00', 'F = 2026-01-05T07:00:00.000Z'],
    ['date', '>=', '2026-01-05', 'F >= 2026-01-05'],
    ['currency', '<', '12345678901234567890.12', 'F < 12345678901234567890.12'],
    ['boolean', '!=', true, 'F != true'],
    ['string', '=', null, 'F = null'],
    ['picklist', 'NOT IN', ['a', "b'"], String.raw`F NOT IN ('a','b\'')`],
    ['string', 'LIKE', 'Ter%', "F LIKE 'Ter%'"],
  ] as const)('writes a condition on a field of type %s with %s', (type, operator, value, text) => {
    expect(conditionText({ field: 'F', operator, value }, { name: 'F', type })).toEqual({ text });
  });

  test.each([
    ['datetime', '=', "2026-01-05' OR Id != '"],
    ['date', '=', 'TODAY'],
    ['double', '=', '1 OR 1 = 1'],
    ['boolean', '=', 'true'],
    ['string', '=', 1],
    ['string', 'IN', 'a'],
    ['string', '=', ['a']],
    ['string', 'LIKE', null],
  ] as const)(
    'refuses a condition on a field of type %s with %s and a value that does not fit',
    (type, operator, value) => {
      expect(conditionText({ field: 'F', operator, value }, { name: 'F', type })).toHaveProperty('problem');
    },
  );
});

describe('a refusal of Salesforce', () => {
  const refused = (status: number, errorCode: string, message = '') =>
    explainRefusal({ status, headers: new Headers(), body: JSON.stringify([{ errorCode, message }]) });

  test('is a limit with 403 too; too many requests at a time pass sooner than those of a day', () => {
    expect(refused(403, 'REQUEST_LIMIT_EXCEEDED')).toMatchObject({ retryAfterMs: limits.retryAfterMaxMs });
    expect(refused(403, 'REQUEST_LIMIT_EXCEEDED', 'ConcurrentPerOrgLongTxn Limit exceeded.')).toMatchObject({
      code: 'SOURCE_RATE_LIMITED',
      retryAfterMs: limits.rateLimitDefaultWaitMs,
    });
  });

  test('goes by its status where that says more: a session that ended, missing rights, an outage, no JSON', () => {
    expect(refused(401, 'INVALID_SESSION_ID')).toBeUndefined();
    expect(refused(403, 'API_DISABLED_FOR_ORG')).toBeUndefined();
    expect(refused(503, 'SERVER_UNAVAILABLE')).toBeUndefined();
    expect(explainRefusal({ status: 400, headers: new Headers(), body: '<h1>' })).toBeUndefined();
  });

  test('tells its code, and no word of its message', () => {
    expect(String(refused(400, 'INVALID_FIELD', 'secret-value'))).toMatch(/INVALID_FIELD/);
    expect(String(refused(400, 'INVALID_FIELD', 'secret-value'))).not.toMatch(/secret-value/);
  });
});
