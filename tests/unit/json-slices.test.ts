import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sliceElements, sliceMembers, toLine } from '../../connectors/json-slices.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (slice: Uint8Array | undefined): string => Buffer.from(slice ?? []).toString('utf8');

describe('slices of JSON', () => {
  test('keep digits, escapes and white space as written', () => {
    const page = '{ "orders" : [ {"id":820982911946154508,"t":"a\\"],}\\\\"} , 1.10 , "é" ], "next" : null }';
    const elements = sliceElements(sliceMembers(bytes(page)).get('orders') ?? bytes(''));
    expect(elements.map(text)).toEqual(['{"id":820982911946154508,"t":"a\\"],}\\\\"}', '1.10', '"é"']);
    expect(sliceElements(bytes(' [ ] '))).toEqual([]);
    expect(sliceMembers(bytes('{}')).size).toBe(0);
    expect(text(sliceMembers(bytes('{"a":1,"a":2,"\\u0062":3}')).get('a'))).toBe('2');
    expect(text(sliceMembers(bytes('{"a":{"c":1},"\\u0062":3}')).get('b'))).toBe('3');
  });

  test('a line has no line break but its last', () => {
    expect(text(toLine(bytes('{\r\n"a":\n1}')))).toBe('{  "a": 1}\n');
  });

  test('agree with JSON.parse for any value, pretty or not', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 2, '\t'), (list, indent) => {
        const array = bytes(JSON.stringify(list, undefined, indent));
        expect(sliceElements(array).map((slice) => JSON.parse(text(slice)))).toEqual(JSON.parse(text(array)));
        for (const slice of sliceElements(array))
          expect(text(toLine(slice)).indexOf('\n')).toBe(slice.length);
      }),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom(undefined, 1),
        (object, indent) => {
          const source = JSON.stringify(object, undefined, indent);
          const members = [...sliceMembers(bytes(source))].map(([name, slice]) => [
            name,
            JSON.parse(text(slice)),
          ]);
          expect(Object.fromEntries(members)).toEqual(JSON.parse(source));
        },
      ),
    );
  });
});
