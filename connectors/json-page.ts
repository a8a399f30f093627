import { protocolFailure } from './http/index.js';
import { sliceAt, sliceElements } from './json-slices.js';

/** Names of members, from the outside in; an empty path is the document itself. */
export type MemberPath = readonly string[];

/** One record of a page: its exact bytes, and its parsed form for reading text members only (empty for no object). */
export interface PageRecord {
  readonly bytes: Uint8Array;
  readonly parsed: Readonly<Record<string, unknown>>;
}

/** A body that is whole JSON. Numbers of `document` may have lost digits: take exact ones from the bytes. */
export interface JsonPage {
  readonly body: Uint8Array;
  readonly document: unknown;
}

/** @throws PipelineError SOURCE_PROTOCOL */
export function parsePage(source: string, body: Uint8Array): JsonPage {
  try {
    return { body, document: JSON.parse(new TextDecoder().decode(body)) };
  } catch {
    throw protocolFailure(source, 'the body is not whole JSON');
  }
}

/** The elements of the list at a path. @throws PipelineError SOURCE_PROTOCOL where there is no list */
export function recordsAt(source: string, page: JsonPage, path: MemberPath): PageRecord[] {
  const list = memberAt(page.document, path);
  if (!Array.isArray(list))
    throw protocolFailure(
      source,
      path.length === 0 ? 'the body is no list' : `the body has no list ${named(path)}`,
    );
  const slices = sliceElements(sliceAt(page.body, path) ?? new Uint8Array());
  if (slices.length !== list.length) throw protocolFailure(source, `the list ${named(path)} is ambiguous`);
  return list.map((parsed: unknown, index) => toRecord(slices[index] as Uint8Array, parsed));
}

/** A record of its bytes and its parsed form. */
export function toRecord(bytes: Uint8Array, parsed: unknown): PageRecord {
  const isObject = typeof parsed === 'object' && parsed !== null;
  return { bytes, parsed: isObject ? (parsed as Record<string, unknown>) : {} };
}

/** The member at a path of a parsed document. */
export function memberAt(document: unknown, path: MemberPath): unknown {
  let value = document;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** The text at a path of JSON bytes: of a string what it says, of a number its digits as written; else `undefined`. */
export function exactTextAt(json: Uint8Array, path: MemberPath): string | undefined {
  const slice = sliceAt(json, path);
  if (slice === undefined) return undefined;
  const text = Buffer.from(slice).toString('utf8');
  if (text.startsWith('"')) return JSON.parse(text) as string;
  return /^-?\d/.test(text) ? text : undefined;
}

function named(path: MemberPath): string {
  return `"${path.join('.')}"`;
}
