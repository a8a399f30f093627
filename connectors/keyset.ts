import { protocolFailure } from './http/index.js';

/** What tells records of a source apart, and in order: an id of digits, and the time of the last change, ISO 8601 UTC. */
export interface Keyed {
  readonly id: string;
  /** Absent where a record has none, which a read by change cannot follow. */
  readonly changedAt?: string;
}

/** One question of a read by change; the source answers with its first page only. */
export type KeysetQuestion =
  /** By time of change, from a time on or after it; without bound where the read has none. */
  | { readonly by: 'change'; readonly from?: { readonly at: string; readonly isInclusive: boolean } }
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

/**
 * Changed records, by the time of their last change. Each page is a question of its own that begins where the one before
 * ended, never a later page of the same answer: pages are counted by position, so a record that changes meanwhile would
 * push another one out of sight. Where more records than fit on a page have the very same time, they are read by id.
 *
 * @throws PipelineError SOURCE_PROTOCOL for records that are not in the order asked for, and what `ask` throws
 */
export async function* readByChange<Record extends Keyed>(
  source: string,
  start: string | undefined,
  ask: (question: KeysetQuestion) => Promise<KeysetPage<Record>>,
): AsyncGenerator<readonly Record[]> {
  let from = start === undefined ? undefined : { at: start, isInclusive: true };
  let position: Position | undefined;
  for (;;) {
    const { records, hasMore } = await ask({ by: 'change', ...(from !== undefined && { from }) });
    yield records.filter((record) => !isKnown(record, position));
    if (!hasMore) return;
    const times = records.map(({ changedAt }) => changedAt ?? '');
    if (times.some((at, index) => at === '' || at < (times[index - 1] ?? position?.at ?? '')))
      throw unordered(source);
    const [first, last] = [times[0], times.at(-1)];
    if (last === undefined) throw protocolFailure(source, 'a page is empty, and there is said to be more');
    const ids = new Set(records.filter((_record, index) => times[index] === last).map(({ id }) => id));
    if (first === last) {
      const seen = position?.at === last ? new Set([...position.ids, ...ids]) : ids;
      yield* readTies(source, { at: last, ids: seen }, ask);
      from = { at: last, isInclusive: false };
      position = { at: last, ids: new Set() };
    } else {
      from = { at: last, isInclusive: true };
      position = { at: last, ids };
    }
  }
}

/** All records with one time of change, by id. */
async function* readTies<Record extends Keyed>(
  source: string,
  known: Position,
  ask: (question: KeysetQuestion) => Promise<KeysetPage<Record>>,
): AsyncGenerator<readonly Record[]> {
  let afterId = '0';
  for (;;) {
    const { records, hasMore } = await ask({ by: 'id', at: known.at, afterId });
    yield records.filter((record) => !isKnown(record, known));
    if (!hasMore) return;
    const last = records.at(-1)?.id ?? afterId;
    if (BigInt(last) <= BigInt(afterId)) throw unordered(source);
    afterId = last;
  }
}

function unordered(source: string) {
  return protocolFailure(source, 'the results of a search are not in the order asked for');
}
