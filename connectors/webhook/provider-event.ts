import { createHash } from 'node:crypto';
import { parseExact, type ExactValue } from './exact-json.js';
import { sliceElements } from '../json-slices.js';

/** One event of a delivery, in the words of its provider. */
export interface ProviderEvent {
  /** The provider's id of the event, or one made from what tells the event from others. */
  readonly id: string;
  readonly type: string;
  /** What the event is about: `orders`, `contact`, `message`. */
  readonly objectType?: string | undefined;
  readonly objectId?: string | undefined;
  /** Orders the states of an object: its own time of change where the provider tells one. ISO 8601 where it is a time. */
  readonly version?: string | undefined;
  /** ISO 8601. */
  readonly occurredAt?: string | undefined;
  /** JSON of this event alone, byte for byte. */
  readonly bytes: Uint8Array;
  /** The same, parsed; numbers are texts with their digits. */
  readonly value: ExactValue;
}

/** The elements of a body that is an array, or the body as the only one; parsed without losing digits. */
export function bodyElements(body: Uint8Array): { readonly bytes: Uint8Array; readonly value: ExactValue }[] {
  const parts = firstByte(body) === 0x5b ? sliceElements(body) : [body];
  return parts.map((bytes) => ({ bytes, value: parseExact(bytes) }));
}

/** An id from texts that tell an event from others; the same texts give the same id. */
export function derivedId(...parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(JSON.stringify(part ?? null)).update('\n');
  return `derived-${hash.digest('hex').slice(0, 40)}`;
}

function firstByte(text: Uint8Array): number | undefined {
  return text.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
}
