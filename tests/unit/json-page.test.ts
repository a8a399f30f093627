import { describe, expect, test } from '@jest/globals';
import { exactTextAt, parsePage, recordsAt } from '../../connectors/json-page.js';
import { sliceAt } from '../../connectors/json-slices.js';

const json = Buffer.from(
  ' {"a": {"id": 9007199254740993123, "text": "x\\"\\u00e9", "list": [1.10, {"n":2}], "none": null}, "a.b": -1e400} ',
);

describe('a place in JSON bytes', () => {
  test('is found by its path, byte for byte', () => {
    expect(Buffer.from(sliceAt(json, ['a', 'list']) ?? []).toString()).toBe('[1.10, {"n":2}]');
    expect(Buffer.from(sliceAt(json, ['a.b']) ?? []).toString()).toBe('-1e400');
    for (const path of [['b'], ['a', 'b'], ['a', 'list', '0'], ['a', 'none', 'x']])
      expect(sliceAt(json, path)).toBeUndefined();
  });

  test('as text: what a string says, the digits of a number, nothing else', () => {
    expect(exactTextAt(json, ['a', 'id'])).toBe('9007199254740993123');
    expect(exactTextAt(json, ['a', 'text'])).toBe('x"é');
    for (const path of [['a'], ['a', 'list'], ['a', 'none'], ['b']])
      expect(exactTextAt(json, path)).toBeUndefined();
  });
});

test('records are the elements of the list, and a body that is cut is none', () => {
  const records = recordsAt('made', parsePage('made', json), ['a', 'list']);
  expect(records.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(['1.10', '{"n":2}']);
  expect(() => parsePage('made', json.subarray(0, 20))).toThrow('not whole JSON');
  expect(() => recordsAt('made', parsePage('made', json), ['a'])).toThrow('no list "a"');
});
