import { protocolFailure } from './http/index.js';
import { closedObject } from './option-problems.js';

/** What tells records of a source apart, and in order: an id of digits, and the time of the last change, ISO 8601 UTC. */
export interface Keyed {
  readonly id: string;
  /** Absent where a record has none, which a read by change cannot follow. */
  readonly changedAt?: string;
}

/** The lowest time of a question. */
interface Bound {
  readonly at: string;
  readonly isInclusive: boolean;
}

/** One question of a read by change; the source answers with its first page only. */
export type KeysetQuestion =
  /** By time of change, from a time on or after it; without bound where the read has none. */
  | { readonly by: 'change'; readonly from?: Bound }
  /** All with one time of change, by id. */
  | { readonly by: 'id'; readonly at: string; readonly afterId: string };

/** The first page of an answer, and whether there is more behind it. */
export interface KeysetPage<Record extends Keyed> {
  readonly records: readonly Record[];
  readonly hasMore: boolean;
}

/** The end of what was read: the time of the last change, and the records that came already with that very time. */
interface Position {
  readonly at: string;
  readonly ids: ReadonlySet<string>;
}

/** Whether a record came already. One that changed since has a later time and comes again, as what it is now. */
function isKnown({ id, changedAt }: Keyed, position: Position | undefined): boolean {
  return position?.at === changedAt && position?.ids.has(id) === true;
}

/** Records of one page, and where a read goes on behind them; none behind the last page. */
export interface KeysetStep<Record extends Keyed> {
  readonly records: readonly Record[];
  readonly place?: KeysetPlace;
}

/** The next question: by id where `afterId` is there. */
export type KeysetPlace = { at: string; ids: string[]; isInclusive: boolean; afterId?: string };

/** Shape of a `KeysetPlace`. */
export const keysetPlaceSchema = closedObject(
  {
    at: { type: 'string' },
    ids: { type: 'array', items: { type: 'string' } },
    isInclusive: { type: 'boolean' },
    afterId: { type: 'string', pattern: '^[0-9]+$' },
  },
  ['at', 'ids', 'isInclusive'],
);

/**
 * Changed records, by the time of their last change. Each page is a question of its own that begins where the one before
 * ended, never a later page of the same answer: pages are counted by position, so a record that changes meanwhile would
 * push another one out of sight. Where more records than fit on a page have the very same time, they are read by id.
 *
 * @param place goes on there
 * @throws PipelineError SOURCE_PROTOCOL for records that are not in the order asked for, and what `ask` throws
 */
export async function* readByChange<Record extends Keyed>(
  source: string,
  start: string | undefined,
  ask: (question: KeysetQuestion) => Promise<KeysetPage<Record>>,
  place?: KeysetPlace,
): AsyncGenerator<KeysetStep<Record>> {
  let from: Bound | undefined = place ?? (start === undefined ? undefined : { at: start, isInclusive: true });
  let position: Position | undefined = place && { at: place.at, ids: new Set(place.ids) };
  if (place?.afterId !== undefined) {
    yield* readTies(source, { at: place.at, ids: new Set(place.ids) }, ask, place.afterId);
    from = { at: place.at, isInclusive: false };
    position = { at: place.at, ids: new Set() };
  }
  for (;;) {
    const question = from === undefined ? {} : { from: { at: from.at, isInclusive: from.isInclusive } };
    const { records, hasMore } = await ask({ by: 'change', ...question });
    const fresh = records.filter((record) => !isKnown(record, position));
    if (!hasMore) {
      yield { records: fresh };
      return;
    }
    const times = records.map(({ changedAt }) => changedAt ?? '');
    if (times.some((at, index) => at === '' || at < (times[index - 1] ?? position?.at ?? '')))
      throw unordered(source);
    const [first, last] = [times[0], times.at(-1)];
    if (last === undefined) throw protocolFailure(source, 'a page is empty, and there is said to be more');
    const ids = new Set(records.filter((_record, index) => times[index] === last).map(({ id }) => id));
    if (first === last) {
      const seen = position?.at === last ? new Set([...position.ids, ...ids]) : ids;
      yield { records: fresh, place: placeOf({ at: last, ids: seen }, false, '0') };
      yield* readTies(source, { at: last, ids: seen }, ask, '0');
      from = { at: last, isInclusive: false };
      position = { at: last, ids: new Set() };
    } else {
      from = { at: last, isInclusive: true };
      position = { at: last, ids };
      yield { records: fresh, place: placeOf(position, true) };
    }
  }
}

/** All records with one time of change, by id. */
async function* readTies<Record extends Keyed>(
  source: string,
  known: Position,
  ask: (question: KeysetQuestion) => Promise<KeysetPage<Record>>,
  begin: string,
): AsyncGenerator<KeysetStep<Record>> {
  let afterId = begin;
  for (;;) {
    const { records, hasMore } = await ask({ by: 'id', at: known.at, afterId });
    const fresh = records.filter((record) => !isKnown(record, known));
    if (!hasMore) {
      yield { records: fresh, place: placeOf({ at: known.at, ids: new Set() }, false) };
      return;
    }
    const last = records.at(-1)?.id ?? afterId;
    if (BigInt(last) <= BigInt(afterId)) throw unordered(source);
    afterId = last;
    yield { records: fresh, place: placeOf(known, false, afterId) };
  }
}

function placeOf({ at, ids }: Position, isInclusive: boolean, afterId?: string): KeysetPlace {
  return { at, ids: [...ids], isInclusive, ...(afterId !== undefined && { afterId }) };
}

function unordered(source: string) {
  return protocolFailure(source, 'the results of a search are not in the order asked for');
}
