import { exactTextAt } from '../json-page.js';
import { sliceAt, sliceElements } from '../json-slices.js';

/** An object as GraphQL gave it, with what belongs to it. */
export interface ShopifyNode {
  readonly bytes: Uint8Array;
  /** Elements of its nested connection. */
  readonly children: readonly Uint8Array[];
  /** The object that holds it, of an object that is read as a part of another. */
  readonly parent?: Uint8Array;
}

/** One column of a row: the JSON of its value. */
export type Column = (node: ShopifyNode) => Uint8Array;

/** The columns of a row, by their names. */
export type Shape = Readonly<Record<string, Column>>;

const nothing = Buffer.from('null');

/** The JSON of a row. Values stay the bytes that came, but for those that a column writes in the form of the REST API. */
export function shapeRow(shape: Shape, node: ShopifyNode): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, column] of Object.entries(shape))
    parts.push(Buffer.from(`${parts.length === 0 ? '{' : ','}${JSON.stringify(name)}:`), column(node));
  return Buffer.concat([...parts, Buffer.from('}')]);
}

/** The value at a path, as it came. */
export const at =
  (...path: string[]): Column =>
  ({ bytes }) =>
    sliceAt(bytes, path) ?? nothing;

/** A whole number that GraphQL writes as text, because it may exceed 2^53. */
export const integer =
  (...path: string[]): Column =>
  ({ bytes }) =>
    digits(/^-?\d+$/.exec(exactTextAt(bytes, path) ?? '')?.[0]);

/** The number of a global id, `gid://shopify/LineItem/866550311766439020`. */
export const gid =
  (...path: string[]): Column =>
  ({ bytes }) =>
    digits(gidNumber(exactTextAt(bytes, path)));

/** An amount with at least two digits after the point, as the REST API writes it; GraphQL leaves zeros out. */
export const money =
  (...path: string[]): Column =>
  ({ bytes }) => {
    const [, whole, fraction = ''] = /^(-?\d+)(?:\.(\d+))?$/.exec(exactTextAt(bytes, path) ?? '') ?? [];
    return whole === undefined ? nothing : Buffer.from(`"${whole}.${fraction.padEnd(2, '0')}"`);
  };

/** A word of an enum, small as the REST API writes it; `others` where it has another word, or null for none. */
export const word =
  (others: Readonly<Record<string, string | null>>, ...path: string[]): Column =>
  ({ bytes }) => {
    const text = exactTextAt(bytes, path)?.toLowerCase();
    if (text === undefined) return nothing;
    return Buffer.from(JSON.stringify(Object.hasOwn(others, text) ? others[text] : text));
  };

/** An object at a path, shaped; null where there is none. */
export const object =
  (shape: Shape, ...path: string[]): Column =>
  ({ bytes }) => {
    const slice = sliceAt(bytes, path);
    return slice?.[0] === 0x7b ? shapeRow(shape, { bytes: slice, children: [] }) : nothing;
  };

/** The elements of the nested connection, each shaped. */
export const children =
  (shape: Shape): Column =>
  (node) => {
    const rows = node.children.map((bytes) =>
      Buffer.from(shapeRow(shape, { bytes, children: [] })).toString(),
    );
    return Buffer.from(`[${rows.join(',')}]`);
  };

/** A column of the object that holds this one. */
export const ofParent =
  (column: Column): Column =>
  ({ parent }) =>
    parent === undefined ? nothing : column({ bytes: parent, children: [] });

/** The digits of a global id. */
export function gidNumber(id: string | undefined): string | undefined {
  return /^gid:\/\/shopify\/\w+\/(\d+)(?:\?.*)?$/.exec(id ?? '')?.[1];
}

/** The elements of a list at a path; none where there is no list. */
export function elementsAt(bytes: Uint8Array, path: readonly string[]): Uint8Array[] {
  const slice = sliceAt(bytes, path);
  return slice?.[0] === 0x5b ? sliceElements(slice) : [];
}

function digits(text: string | undefined): Uint8Array {
  return text === undefined ? nothing : Buffer.from(text);
}
