import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jitteredDelayMs } from '../../core/rates/retry-delay.js';

const retry = {
  maximumAttempts: 9,
  initialIntervalMs: 1_000,
  backoffCoefficient: 2,
  maximumIntervalMs: 60_000,
};

test('a wait lies between the exponential one less its jitter, and the exponential one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (attempt, jitter, random) => {
        const fullMs = Math.min(1_000 * 2 ** (attempt - 1), 60_000);
        const delayMs = jitteredDelayMs({ ...retry, jitter }, attempt, random) ?? 0;
        expect(delayMs).toBeLessThanOrEqual(fullMs);
        expect(delayMs).toBeGreaterThanOrEqual(Math.max(1, Math.floor(fullMs * (1 - jitter))));
      },
    ),
  );
});

test('without jitter the server waits as it does by itself', () => {
  expect(jitteredDelayMs(retry, 3, 0.5)).toBeUndefined();
  expect(jitteredDelayMs({ ...retry, jitter: 0 }, 3, 0.5)).toBeUndefined();
});
