import type { PageRecord } from '../json-page.js';

/**
 * How many places of a list a page took that was asked for by offset and limit. A full page took as many as were asked for,
 * also where records are equal in what is read of them, or where the source shows one twice and so gives more than that. A
 * page that is not full, of a source that gives fewer, took at least as many as it has different records: a step that is
 * too short reads a record again, one that is too long would lose one.
 */
export function placesOf(records: readonly PageRecord[], limit: number): number {
  return Math.max(records.length >= limit ? limit : 0, distinct(records));
}

function distinct(records: readonly PageRecord[]): number {
  return new Set(records.map(({ bytes }) => Buffer.from(bytes).toString('latin1'))).size;
}
