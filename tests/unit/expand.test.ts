import { describe, expect, test } from '@jest/globals';
import { expandInstances } from '../../core/run/expand.js';
import { isPipelineError } from '../../core/errors/index.js';

const nothing = () => null;

describe('instances of a mapping', () => {
  test('names are the arguments, a template, or the index', () => {
    const labels = (label: string | undefined, values: readonly (string | number | boolean)[]) =>
      expandInstances(
        'each',
        {
          over: { kind: 'product', arguments: { a: { values } } },
          ...(label === undefined ? {} : { label }),
        },
        nothing,
      ).map((one) => one.label);
    expect(labels(undefined, ['fr', 'de'])).toEqual(['fr', 'de']);
    expect(labels('shop {a}', ['fr', 'de'])).toEqual(['shop fr', 'shop de']);
    expect(labels(undefined, [true, false])).toEqual(['0', '1']);
  });

  test('instances of one name get their index behind it, so that none is taken for another', () => {
    const instances = expandInstances(
      'each',
      { over: { kind: 'product', arguments: { a: { values: ['x', 'y', 'x'] } } } },
      nothing,
    );
    expect(instances.map(({ label }) => label)).toEqual(['x #0', 'y', 'x #2']);
  });

  test('what is no list is refused by name', () => {
    try {
      expandInstances('each', { over: { kind: 'product', arguments: { a: { task: 'up' } } } }, () => 7);
      throw new Error('it was taken');
    } catch (error) {
      expect(isPipelineError(error) && error.code).toBe('MAPPING_INVALID');
      expect((error as Error).message).toContain('"up" gave a number');
    }
  });
});
