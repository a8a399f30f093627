import { createHash } from 'node:crypto';
import { closedObject } from './option-problems.js';
import { resumeFailure } from './resume.js';

/** How far a list is read: how many of it, and a hash of their names and versions. */
export type ListPlace = { count: number; hash: string };

/** Shape of a `ListPlace`. */
export const listPlaceSchema = closedObject(
  { count: { type: 'integer', minimum: 0 }, hash: { type: 'string' } },
  ['count', 'hash'],
);

/** A list that is read one by one, each whole. */
export interface ListRead<Item> {
  /** Those that an earlier try has read. */
  readonly done: readonly Item[];
  readonly left: readonly Item[];
  /** Where a read goes on that has come behind the next one of `left`. */
  behindNext(): ListPlace;
}

/**
 * @param identityOf name and version: whatever differs when the item is to be read again
 * @throws PipelineError SOURCE_RESUME where the items before the place are no longer those that were read
 */
export function listRead<Item>(
  source: string,
  items: readonly Item[],
  identityOf: (item: Item) => string,
  place: ListPlace = { count: 0, hash: '' },
): ListRead<Item> {
  const hash = createHash('sha256');
  const add = (item: Item) => void hash.update(`${identityOf(item)}\n`);
  let { count } = place;
  const done = items.slice(0, count);
  const left = items.slice(count);
  done.forEach(add);
  const next = left.values();
  if (count > 0 && hash.copy().digest('base64url') !== place.hash)
    throw resumeFailure(source, 'what the last try has read has changed since');
  return {
    done,
    left,
    behindNext() {
      const { value } = next.next();
      if (value !== undefined) add(value);
      count += 1;
      return { count, hash: hash.copy().digest('base64url') };
    },
  };
}
