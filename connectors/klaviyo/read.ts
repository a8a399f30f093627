import { parseInstant } from '../../core/interval.js';
import type { JsonValue } from '../../core/json.js';
import { cursorLessLag, cursorNotAfter, laterCursor } from '../cursor.js';
import { memberAt, type PageRecord } from '../json-page.js';
import { toLine } from '../json-slices.js';
import { lineBatch } from '../line-batch.js';
import { closedObject } from '../option-problems.js';
import { resumeOf, withCursor } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { emailRows } from './email-events.js';
import { collectionUrl, readPages, type KlaviyoPlace } from './pages.js';
import { eventRows, profileRow } from './rows.js';
import type { KlaviyoSettings } from './settings.js';

interface Span {
  readonly start?: string;
  /** Exclusive. */
  readonly end?: string;
}

/**
 * Profiles by their last change, or events by their time. The cursor never passes the moment at which the read began, by
 * Klaviyo's clock: a record that changes after its page was read must lie behind the cursor of the next read.
 *
 * @throws PipelineError SOURCE_*
 */
export async function* readKlaviyo(
  settings: KlaviyoSettings,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const isProfiles = settings.stream === 'profiles';
  const timeMember = isProfiles ? 'updated' : 'datetime';
  const span = spanOf(request);
  const first = isProfiles ? profilesUrl(settings, span) : eventsUrl(settings, span);
  const from = resumeOf('klaviyo', request, placeSchema) as Place | undefined;
  let cursor = from?.cursor ?? request.cursor;
  for await (const page of readPages(settings, first, context.signal, from)) {
    const wanted = page.records.filter((record) => isWanted(instantAt(record, timeMember), span));
    for (const record of wanted)
      cursor = laterCursor(cursor, cursorNotAfter(instantAt(record, timeMember), page.beganAtMs));
    const rows = wanted.map(isProfiles ? profileRow : eventRows(page));
    context.heartbeat();
    const place = withCursor<Place>(page.place, cursor);
    if (settings.stream !== 'email-events') {
      yield lineBatch('rows', rows.map(toLine), cursor, place);
      continue;
    }
    const { lines, rejects } = emailRows(rows);
    yield { ...lineBatch('rows', lines, cursor, place), rejects };
  }
}

type Place = KlaviyoPlace & { cursor?: JsonValue };

const placeSchema = closedObject({ url: { type: 'string' }, beganAtMs: { type: 'number' }, cursor: true }, [
  'url',
  'beganAtMs',
]);

/** Its lower bound is exclusive: profiles of that very moment are asked for with a second more. */
function profilesUrl(settings: KlaviyoSettings, { start, end }: Span): URL {
  const after = start === undefined ? undefined : new Date(Date.parse(start) - 1_000).toISOString();
  return collectionUrl(settings, 'profiles', {
    sort: 'updated',
    'page[size]': String(settings.pageSize),
    ...(settings.additionalFields.length > 0 && {
      'additional-fields[profile]': settings.additionalFields.join(','),
    }),
    ...filterOf([after === undefined ? '' : `greater-than(updated,${after})`, lessThan('updated', end)]),
  });
}

function eventsUrl(settings: KlaviyoSettings, { start, end }: Span): URL {
  return collectionUrl(settings, 'events', {
    sort: 'datetime',
    'page[size]': String(settings.pageSize),
    include: 'metric,profile',
    'fields[metric]': 'name',
    'fields[profile]': 'email',
    ...filterOf([
      start === undefined ? '' : `greater-or-equal(datetime,${start})`,
      lessThan('datetime', end),
    ]),
  });
}

function lessThan(name: string, end: string | undefined): string {
  return end === undefined ? '' : `less-than(${name},${end})`;
}

function filterOf(terms: readonly string[]): Readonly<Record<string, string>> {
  const given = terms.filter((term) => term !== '');
  return given.length === 0 ? {} : { filter: given.join(',') };
}

function spanOf(request: ReadRequest): Span {
  if (request.interval !== undefined) return { start: request.interval.start, end: request.interval.end };
  const start = cursorLessLag(request.cursor, request.lagMs);
  return start === undefined ? {} : { start };
}

/** UTC text with milliseconds. A record without one passes on: the schema check quarantines it. */
function instantAt({ parsed }: PageRecord, name: string): string | undefined {
  const text = memberAt(parsed, ['attributes', name]);
  return typeof text === 'string' ? parseInstant(text) : undefined;
}

function isWanted(at: string | undefined, { start, end }: Span): boolean {
  return at === undefined || end === undefined || (at >= (start ?? '') && at < end);
}
