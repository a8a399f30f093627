import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  conditionText,
  conditionUris,
  isSatisfied,
  missingPart,
  type AssetCondition,
} from '../../core/assets/asset-condition.js';

const uris = ['x:a', 'x:b', 'x:c', 'x:d'];
const leaf = (uri: string): AssetCondition => ({ kind: 'asset', uri });
const [a, b, c] = [leaf('x:a'), leaf('x:b'), leaf('x:c')];
const all = (...of: AssetCondition[]): AssetCondition => ({ kind: 'all', of });
const any = (...of: AssetCondition[]): AssetCondition => ({ kind: 'any', of });

const conditions: fc.Arbitrary<AssetCondition> = fc.letrec<{ node: AssetCondition; leaf: AssetCondition }>(
  (tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      tie('leaf'),
      fc.record({
        kind: fc.constantFrom('all' as const, 'any' as const),
        of: fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
      }),
    ),
    leaf: fc.constantFrom(...uris).map(leaf),
  }),
).node;
const queues = fc.subarray(uris).map((some) => new Set(some));

/** What the text of a condition says, read from its words: a second way to the same answer. */
function judgedByText(text: string, queued: ReadonlySet<string>): boolean {
  const flat = text.replaceAll(/\(([^()]*)\)/g, (_all, inner: string) =>
    judgedByText(inner, queued) ? 'true' : 'false',
  );
  if (flat !== text) return judgedByText(flat, queued);
  const holds = (word: string): boolean => word === 'true' || queued.has(word);
  return flat.split(' or ').some((part) => part.split(' and ').every(holds));
}

describe('a condition', () => {
  test.each([
    [a, [], false],
    [a, ['x:a'], true],
    [all(a, b), ['x:a'], false],
    [all(a, b), ['x:b', 'x:a'], true],
    [any(a, b), ['x:b'], true],
    [any(a, all(b, c)), ['x:b'], false],
    [any(a, all(b, c)), ['x:b', 'x:c'], true],
  ])('%j with %j: %s', (condition, queued, verdict) => {
    expect(isSatisfied(condition, new Set(queued))).toBe(verdict);
  });

  test('reads as text', () => {
    expect(conditionText(all(a, any(b, all(a, c))))).toBe('x:a and (x:b or (x:a and x:c))');
    expect(conditionText(all(a, any(any(b, c))))).toBe('x:a and (x:b or x:c)');
  });

  test('its text means the same', () => {
    fc.assert(
      fc.property(conditions, queues, (condition, queued) => {
        expect(judgedByText(conditionText(condition), queued)).toBe(isSatisfied(condition, queued));
      }),
      { numRuns: 2_000 },
    );
  });

  test('once it holds, another event does not make it fail', () => {
    fc.assert(
      fc.property(conditions, queues, fc.constantFrom(...uris), (condition, queued, uri) => {
        if (isSatisfied(condition, queued))
          expect(isSatisfied(condition, new Set([...queued, uri]))).toBe(true);
      }),
    );
  });

  test('what is missing names no asset that is there, and suffices', () => {
    fc.assert(
      fc.property(conditions, queues, (condition, queued) => {
        const missing = missingPart(condition, queued);
        expect(missing === undefined).toBe(isSatisfied(condition, queued));
        if (missing === undefined) return;
        const needed = conditionUris(missing);
        expect(needed.filter((uri) => queued.has(uri))).toEqual([]);
        expect(isSatisfied(condition, new Set([...queued, ...needed]))).toBe(true);
        // And what satisfies the rest satisfies the whole.
        for (const uri of uris)
          expect(isSatisfied(condition, new Set([...queued, uri]))).toBe(
            isSatisfied(missing, new Set([...queued, uri])),
          );
      }),
    );
  });
});
