import { expect, test } from '@jest/globals';
import { rateRulesOf } from '../../connectors/http/rate-settings.js';
import { rateTellingOf } from '../../connectors/http/rate-telling.js';
import { limits } from '../../core/limits.js';

const date = 'Sun, 01 Feb 2026 10:00:00 GMT';
const atSeconds = Date.parse(date) / 1000;

test.each([
  [
    'HubSpot',
    {
      'x-hubspot-ratelimit-max': '100',
      'x-hubspot-ratelimit-remaining': '97',
      'x-hubspot-ratelimit-interval-milliseconds': '10000',
    },
    { rules: [{ units: 100, perMs: 10_000 }], remaining: 97, limit: 100, resetsInMs: 10_000 },
  ],
  ['Shopify', { 'x-shopify-shop-api-call-limit': '39/40' }, { rules: [{ units: 40, perMs: 20_000 }] }],
  [
    'Klaviyo',
    { 'ratelimit-limit': '3, 3;w=1, 60;w=60', 'ratelimit-remaining': '2', 'ratelimit-reset': '1' },
    {
      rules: [
        { units: 3, perMs: 1_000 },
        { units: 60, perMs: 60_000 },
      ],
      remaining: 2,
      limit: 3,
      resetsInMs: 1_000,
    },
  ],
  [
    'the present draft',
    {
      ratelimit: '"burst";r=7;t=30',
      'ratelimit-policy': '"burst";q=50;w=60, "bytes";q=9;w=1;qu="content-bytes"',
    },
    { rules: [{ units: 50, perMs: 60_000 }], remaining: 7, resetsInMs: 30_000 },
  ],
  [
    'an earlier draft',
    { ratelimit: 'limit=100, remaining=50, reset=5' },
    { remaining: 50, limit: 100, resetsInMs: 5_000 },
  ],
  [
    'an instant by a clock of its own',
    {
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(atSeconds + 9),
      date,
    },
    { remaining: 0, limit: 10, resetsInMs: 9_000 },
  ],
  [
    'an absurd wait',
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '9'.repeat(9) },
    { remaining: 0, resetsInMs: limits.rateResetMaxMs },
  ],
  ['what is left, but not until when', { 'x-ratelimit-remaining': '0' }, undefined],
  ['nothing', {}, undefined],
])('limits are read as %s tells them', (_who, headers, telling) => {
  expect(rateTellingOf(new Headers(headers))).toEqual(telling);
});

test('a connection declares one limit or several', () => {
  expect(rateRulesOf('crm', { rate: { requests: 100, per: '10s' } })).toEqual([
    { units: 100, perMs: 10_000 },
  ]);
  const rate = [
    { requests: 3, per: '1s' },
    { requests: 60, per: '1m' },
  ];
  expect(rateRulesOf('crm', { rate })).toEqual([
    { units: 3, perMs: 1_000 },
    { units: 60, perMs: 60_000 },
  ]);
  expect(rateRulesOf('crm', {})).toBeUndefined();
});

test.each([
  ['100 per minute', ['rate must be an object']],
  [[], ['a list of 1 to']],
  [{ requests: 1.5, per: '9d', burst: 2 }, ['"burst"', 'rate.requests', 'rate.per']],
  [
    [
      { requests: 1, per: '1s' },
      { requests: 2, per: '1000ms' },
    ],
    ['the same "per"'],
  ],
])('a declaration that means nothing is refused: %j', (rate, problems) => {
  const declare = () => rateRulesOf('crm', { rate });
  for (const problem of problems) expect(declare).toThrow(problem);
  expect(declare).toThrow(expect.objectContaining({ code: 'CONNECTION_INVALID' }));
});
