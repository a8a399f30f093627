import { parseInstant } from '../../core/interval.js';
import { protocolFailure } from '../http/index.js';
import { memberAt, type PageRecord } from '../json-page.js';
import { closedObject } from '../option-problems.js';
import type { MailchimpApi, MailchimpQuery } from './api.js';
import { idOf, readWhole } from './whole.js';

/** A span of time, ISO 8601 UTC; half-open. */
export interface Span {
  readonly start?: string;
  readonly end?: string;
}

/** A collection that can be sorted and bounded by one time of its records, which is told in whole seconds. */
export interface TimedCollection {
  readonly path: string;
  readonly list: string;
  readonly idName: string;
  readonly timeName: string;
  readonly sinceName: string;
  readonly beforeName: string;
  /** Further parameters. */
  readonly query?: MailchimpQuery;
}

/** A record, and its time. */
export interface TimedRecord extends PageRecord {
  /** ISO 8601 UTC. */
  readonly at: string;
}

/** Records of a page, and where a read goes on behind them; not named within a second that is read whole. */
export interface TimedStep {
  readonly records: readonly TimedRecord[];
  readonly place?: TimedPlace;
}

/** The bound of the next question, and which records behind it came already. */
export type TimedPlace = { sinceMs: number; seen: string[] };

/** Shape of a `TimedPlace`. */
export const timedPlaceSchema = closedObject(
  { sinceMs: { type: 'number' }, seen: { type: 'array', items: { type: 'string' } } },
  ['sinceMs', 'seen'],
);

const secondMs = 1_000;

/**
 * Records by their time, each once. A page is a question of its own that begins in the second where the one before ended,
 * never a later page of the same answer: pages are counted by position, so a record that changes meanwhile, and so goes to
 * the end, would push another one out of sight. Where one second fills a page, that second is read whole (`readWhole`).
 *
 * The documentation calls the lower bound "after" and does not say whether the very second is part of it: it is asked for
 * from the second before, and what came already is left out. Source:
 * https://mailchimp.com/developer/marketing/api/list-members/list-members-info/ (`sort_field`, `since_last_changed`),
 * https://mailchimp.com/developer/marketing/api/campaigns/list-campaigns/ (`sort_field`, `since_create_time`).
 *
 * @throws PipelineError SOURCE_*
 */
export async function* readByTime(
  api: MailchimpApi,
  collection: TimedCollection,
  span: Span,
  pageSize: number,
  from?: TimedPlace,
): AsyncGenerator<TimedStep> {
  const { path, list, idName } = collection;
  const isWanted = ({ at }: TimedRecord): boolean =>
    at === '' || (at >= (span.start ?? '') && (span.end === undefined || at < span.end));
  // With its time: what changes meanwhile is another one.
  const keyOf = (record: TimedRecord): string => `${idOf(record, idName)} ${record.at}`;
  const endMs =
    span.end === undefined ? undefined : Math.ceil(Date.parse(span.end) / secondMs) * secondMs + secondMs;
  let sinceMs = from?.sinceMs ?? (span.start === undefined ? undefined : secondOf(span.start) - secondMs);
  let seen: ReadonlySet<string> = new Set(from?.seen);
  for (;;) {
    const query = queryOf(collection, pageSize, sinceMs, endMs);
    const page = await api.page(path, list, { ...query, offset: '0' });
    const records = page.records.map((record) => timed(record, collection));
    const known = seen;
    const fresh = records.filter((record) => !known.has(keyOf(record)) && isWanted(record));
    if (page.total <= records.length) {
      yield { records: fresh };
      return;
    }
    const lastMs = endOf(records, sinceMs);
    if (lastMs === sinceMs) {
      // The very second is part of the answer, and it is behind us.
      sinceMs += secondMs;
      yield { records: fresh, place: { sinceMs, seen: [...seen] } };
      continue;
    }
    if (sinceMs === undefined || lastMs - secondMs > sinceMs) {
      sinceMs = lastMs - secondMs;
      const since = sinceMs;
      seen = new Set(records.filter(({ at }) => secondOf(at) >= since).map(keyOf));
      yield { records: fresh, place: { sinceMs, seen: [...seen] } };
      continue;
    }
    yield { records: fresh };
    const within = queryOf(collection, pageSize, lastMs - secondMs, lastMs + secondMs);
    const ofSecond = new Set<string>(seen);
    for (const record of records) ofSecond.add(keyOf(record));
    const ask = (offset: number) => api.page(path, list, { ...within, offset: String(offset) });
    for await (const found of readWhole(ask, idName)) {
      const ofThis = found
        .map((record) => timed(record, collection))
        .filter((record) => secondOf(record.at) === lastMs && !ofSecond.has(keyOf(record)));
      for (const record of ofThis) ofSecond.add(keyOf(record));
      yield { records: ofThis.filter(isWanted) };
    }
    sinceMs = lastMs;
    seen = ofSecond;
    yield { records: [], place: { sinceMs, seen: [...seen] } };
  }
}

function queryOf(
  { timeName, sinceName, beforeName, query }: TimedCollection,
  pageSize: number,
  sinceMs: number | undefined,
  beforeMs: number | undefined,
): MailchimpQuery {
  return {
    ...query,
    sort_field: timeName,
    sort_dir: 'ASC',
    count: String(pageSize),
    ...(sinceMs !== undefined && { [sinceName]: asked(sinceMs) }),
    ...(beforeMs !== undefined && { [beforeName]: asked(beforeMs) }),
  };
}

/** The second of the last record of a page behind which there are more. @throws PipelineError SOURCE_PROTOCOL */
function endOf(records: readonly TimedRecord[], sinceMs: number | undefined): number {
  let before = sinceMs ?? Number.NEGATIVE_INFINITY;
  for (const { at } of records) {
    const atMs = secondOf(at);
    if (!(atMs >= before))
      throw protocolFailure('mailchimp', 'the records are not in the order, or of the time, asked for');
    before = atMs;
  }
  if (records.length === 0)
    throw protocolFailure('mailchimp', 'a page is empty, and there is said to be more');
  return before;
}

/** A record without a time passes on where it is not in the way: the schema check quarantines it. */
function timed(record: PageRecord, { timeName }: TimedCollection): TimedRecord {
  const text = memberAt(record.parsed, [timeName]);
  return { ...record, at: (typeof text === 'string' ? parseInstant(text) : undefined) ?? '' };
}

function secondOf(at: string): number {
  return Math.floor(Date.parse(at) / secondMs) * secondMs;
}

/** As the API writes times: whole seconds, offset in full. */
export function asked(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19)}+00:00`;
}
