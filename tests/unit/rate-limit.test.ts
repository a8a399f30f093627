import { describe, expect, test } from '@jest/globals';
import { policyWaitMs, spentLimitWaitMs } from '../../connectors/hubspot/api.js';
import { isRateLimitSpent, rateLimitResetMs } from '../../connectors/http/rate-limit.js';
import { cursorNotAfter } from '../../connectors/cursor.js';
import { limits } from '../../core/limits.js';

const nowMs = Date.parse('2026-02-01T10:00:00Z');

describe('x-ratelimit headers', () => {
  test.each([
    ['seconds from now', { 'x-ratelimit-reset': '7' }, 7_000],
    ['seconds since 1970', { 'x-ratelimit-reset': String(nowMs / 1000 + 9) }, 9_000],
    ['milliseconds since 1970', { 'x-rate-limit-reset': String(nowMs + 1_500) }, 1_500],
    ['the draft of the IETF', { 'ratelimit-reset': '0.5' }, 500],
    ['the past', { 'x-ratelimit-reset': String(nowMs / 1000 - 9) }, 0],
    ['a very long time', { 'x-ratelimit-reset': '999999' }, limits.retryAfterMaxMs],
    ['something unreadable', { 'x-ratelimit-reset': 'soon' }, undefined],
    ['nothing', {}, undefined],
  ])('reset in %s', (_what, headers, waitMs) => {
    expect(rateLimitResetMs(new Headers(headers), nowMs)).toBe(waitMs);
  });

  test('are spent at zero only', () => {
    expect(isRateLimitSpent(new Headers({ 'x-ratelimit-remaining': '0' }))).toBe(true);
    for (const headers of [{}, { 'x-ratelimit-remaining': '1' }, { 'x-ratelimit-remaining': '' }])
      expect(isRateLimitSpent(new Headers(headers))).toBe(false);
  });
});

describe('HubSpot’s limits', () => {
  test.each([
    ['{"policyName":"SECONDLY"}', 1_000],
    ['{"policyName":"TEN_SECONDLY_ROLLING"}', 10_000],
    ['{"policyName":"DAILY"}', limits.retryAfterMaxMs],
    ['{"policyName":"OTHER"}', undefined],
    ['<html>', undefined],
  ])('%s', (body, waitMs) => {
    expect(policyWaitMs(body)).toBe(waitMs);
  });

  test('a spent interval, a spent second, and neither', () => {
    const interval = { 'x-hubspot-ratelimit-interval-milliseconds': '10000' };
    expect(spentLimitWaitMs(new Headers({ ...interval, 'x-hubspot-ratelimit-remaining': '0' }))).toBe(10_000);
    expect(spentLimitWaitMs(new Headers({ 'x-hubspot-ratelimit-secondly-remaining': '0' }))).toBe(1_000);
    expect(spentLimitWaitMs(new Headers({ ...interval, 'x-hubspot-ratelimit-remaining': '3' }))).toBe(0);
  });
});

test('a cursor is cut to an instant, and stays as written before it', () => {
  expect(cursorNotAfter('2026-02-01T12:00:00.123456+02:00', nowMs + 500)).toBe(
    '2026-02-01T12:00:00.123456+02:00',
  );
  expect(cursorNotAfter('2026-02-01T10:00:01Z', nowMs)).toBe('2026-02-01T10:00:00.000Z');
  expect(cursorNotAfter('17', nowMs)).toBeUndefined();
  expect(cursorNotAfter(undefined, nowMs)).toBeUndefined();
});
