import { describe, expect, test } from '@jest/globals';
import { elementSource } from '../../activities/read/element-source.js';
import type { ExtractTask } from '../../core/dag/dag-spec.js';
import type { JsonObject } from '../../core/json.js';
import type { StageContext } from '../../core/run/run.js';

const fromElement = { connection: 'shop', options: { status: 'wanted' } };

/** What the instance of this element reads. */
function sourceOf(value: JsonObject) {
  const refuse = () => Promise.reject(new Error('not asked for'));
  const values = {
    resolve: refuse,
    lines: refuse,
    element: () => Promise.resolve({ value, label: 'north' }),
  };
  const from = {
    connector: 'shopify',
    stream: 'orders',
    connection: 'main',
    options: { limit: 5, status: 'any' },
  };
  return elementSource(
    { values },
    { mapIndex: 0, element: {} } as unknown as StageContext,
    { id: 'pull', config: { from, read: 'full', fromElement } } as unknown as ExtractTask,
  );
}

describe('what an instance of a mapped group reads', () => {
  test('members of its element take the place of the connection and of options', async () => {
    expect(await sourceOf({ shop: 'north', wanted: 'open' })).toEqual({
      from: {
        connector: 'shopify',
        stream: 'orders',
        connection: 'north',
        options: { limit: 5, status: 'open' },
      },
      cursorKey: 'pull[north]',
    });
  });

  test.each([
    ['a member that is missing', { shop: 'north' }, 'it has no "wanted"'],
    [
      'every problem at once',
      { shop: 7 },
      'it has no "wanted"; its "shop" names no connection, since it is not text',
    ],
    ['a connection that is null', { shop: null, wanted: 1 }, 'its "shop" names no connection'],
    ['a member of its prototype only', { shop: 'north', constructor: 1 }, 'it has no "wanted"'],
  ])('%s is refused', async (_name, value, problem) => {
    await expect(sourceOf(value as JsonObject)).rejects.toMatchObject({
      code: 'ELEMENT_INVALID',
      message: expect.stringContaining(problem),
    });
  });
});
