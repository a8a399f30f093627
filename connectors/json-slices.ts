/*
 * Cuts members and elements out of JSON text as bytes, so that ids, amounts and time stamps reach staging exactly as
 * the source wrote them: nothing passes through a JavaScript number. The text must already be known to be JSON.
 */

const quote = 0x22;
const openBrace = 0x7b;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

/** The elements of a JSON array, each without surrounding white space. */
export function sliceElements(array: Uint8Array): Uint8Array[] {
  return splitTopLevel(array).map((part) => trimSpace(array, part.start, part.end));
}

/** The members of a JSON object by name; where a name repeats, the last one, as in `JSON.parse`. */
export function sliceMembers(object: Uint8Array): Map<string, Uint8Array> {
  const members = new Map<string, Uint8Array>();
  for (const part of splitTopLevel(object)) {
    if (part.colon === undefined) continue;
    const name = JSON.parse(Buffer.from(object.subarray(part.start, part.colon)).toString('utf8')) as string;
    members.set(name, trimSpace(object, part.colon + 1, part.end));
  }
  return members;
}

/** The value at a path of member names, without surrounding white space; `undefined` where there is none. */
export function sliceAt(json: Uint8Array, path: readonly string[]): Uint8Array | undefined {
  let value: Uint8Array | undefined = trimSpace(json, 0, json.length);
  for (const name of path) {
    if (value?.[0] !== openBrace) return undefined;
    value = sliceMembers(value).get(name);
  }
  return value;
}

/** One NDJSON line of a JSON value: line breaks between tokens become spaces, and one line feed ends it. */
export function toLine(value: Uint8Array): Uint8Array {
  const line = new Uint8Array(value.length + 1);
  line.set(value);
  for (let at = 0; at < value.length; at += 1) {
    if (line[at] === lineFeed || line[at] === carriageReturn) line[at] = space;
  }
  line[value.length] = lineFeed;
  return line;
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly colon: number | undefined;
}

function splitTopLevel(container: Uint8Array): Part[] {
  const parts: Part[] = [];
  let depth = 0;
  let start = 0;
  let colonAt: number | undefined;
  for (let at = 0; at < container.length; at += 1) {
    const byte = container[at];
    if (byte === quote) at = endOfString(container, at);
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth === 1) start = at + 1;
    } else if (byte === 0x5d || byte === 0x7d) {
      depth -= 1;
      if (depth === 0 && !isBlank(container, start, at)) parts.push({ start, end: at, colon: colonAt });
    } else if (depth === 1 && byte === colon) colonAt ??= at;
    else if (depth === 1 && byte === comma) {
      parts.push({ start, end: at, colon: colonAt });
      start = at + 1;
      colonAt = undefined;
    }
  }
  return parts;
}

function endOfString(text: Uint8Array, open: number): number {
  let at = open + 1;
  while (at < text.length && text[at] !== quote) at += text[at] === backslash ? 2 : 1;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === space || byte === lineFeed || byte === carriageReturn || byte === 0x09;
}

function isBlank(text: Uint8Array, start: number, end: number): boolean {
  return trimSpace(text, start, end).length === 0;
}

function trimSpace(text: Uint8Array, start: number, end: number): Uint8Array {
  let from = start;
  let to = end;
  while (from < to && isSpace(text[from])) from += 1;
  while (to > from && isSpace(text[to - 1])) to -= 1;
  return text.subarray(from, to);
}
