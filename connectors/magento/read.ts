import { limits } from '../../core/limits.js';
import type { JsonValue } from '../../core/json.js';
import { cursorLessLag, cursorNotAfter, laterCursor } from '../cursor.js';
import { protocolFailure } from '../http/index.js';
import { memberAt } from '../json-page.js';
import {
  keysetPlaceSchema,
  readByChange,
  type KeysetPage,
  type KeysetPlace,
  type KeysetQuestion,
} from '../keyset.js';
import { lineBatch } from '../line-batch.js';
import { createPageGuard } from '../page-guard.js';
import { closedObject } from '../option-problems.js';
import { resumeOf, withCursor } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { askMagento } from './api.js';
import { recordsOf, type MagentoRecord } from './record.js';
import { searchQuery, toMagentoTime, type Search, type SearchFilter } from './search.js';
import type { MagentoSettings } from './settings.js';
import { streamFacts } from './streams.js';

interface Span {
  readonly start?: string;
  readonly end?: string;
}

type Ask = (search: Pick<Search, 'filters' | 'sortBy'>) => Promise<KeysetPage<MagentoRecord>>;

/**
 * Records of a shop: everything by id, changes by the time of the last change. Only first pages of searches are asked
 * for: a page behind the end repeats the last one, and a record that changes would push another one off its page. The
 * cursor does not pass the moment at which the read began.
 *
 * @throws PipelineError SOURCE_*
 */
export async function* readMagento(
  settings: MagentoSettings,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const span = spanOf(request);
  const from = resumeOf('magento', request, placeSchema) as Place | undefined;
  let beganAtMs = from?.beganAtMs;
  const ask = createAsk(settings, context.signal, (answeredAtMs) => (beganAtMs ??= answeredAtMs));
  const isFull = span.start === undefined && span.end === undefined;
  let cursor = from?.cursor ?? request.cursor;
  for await (const { records, place } of isFull
    ? readById(ask, from?.afterId)
    : readChanges(ask, span, from?.change)) {
    const wanted = records.filter((record) => isWithin(record, span));
    for (const { changedAt } of wanted)
      cursor = laterCursor(cursor, cursorNotAfter(changedAt, beganAtMs ?? Date.now()));
    context.heartbeat();
    yield lineBatch(
      'rows',
      wanted.map(({ line }) => line),
      cursor,
      withCursor<Place>(place && { ...place, ...(beganAtMs !== undefined && { beganAtMs }) }, cursor),
    );
  }
}

/** Behind an id, or a change. */
type Place = { beganAtMs?: number; cursor?: JsonValue; afterId?: string; change?: KeysetPlace };

const placeSchema = closedObject({
  beganAtMs: { type: 'number' },
  cursor: true,
  afterId: { type: 'string', pattern: '^[0-9]+$' },
  change: keysetPlaceSchema,
});

/** Records of one page, and the place behind them. */
interface Step {
  readonly records: readonly MagentoRecord[];
  readonly place?: Pick<Place, 'afterId' | 'change'>;
}

async function* readById(ask: Ask, afterId = '0'): AsyncGenerator<Step> {
  let last = afterId;
  for (;;) {
    const filters: SearchFilter[] = [{ field: 'entity_id', condition: 'gt', value: last }];
    const { records, hasMore } = await ask({ filters, sortBy: ['entity_id'] });
    let before = last;
    for (const { id } of records) {
      if (BigInt(id) <= BigInt(before))
        throw protocolFailure('magento', 'the results of a search are not in the order asked for');
      before = id;
    }
    yield { records, ...(hasMore && { place: { afterId: before } }) };
    if (!hasMore) return;
    last = before;
  }
}

async function* readChanges(ask: Ask, { start, end }: Span, from?: KeysetPlace): AsyncGenerator<Step> {
  const before: SearchFilter[] =
    end === undefined ? [] : [{ field: 'updated_at', condition: 'lt', value: toMagentoTime(end, 'up') }];
  const search = (question: KeysetQuestion) =>
    ask({
      filters: [...filtersOf(question), ...before],
      sortBy: question.by === 'id' ? ['entity_id'] : ['updated_at', 'entity_id'],
    });
  for await (const { records, place } of readByChange('magento', start, search, from))
    yield { records, ...(place !== undefined && { place: { change: place } }) };
}

function filtersOf(question: KeysetQuestion): SearchFilter[] {
  if (question.by === 'id')
    return [
      { field: 'updated_at', condition: 'eq', value: toMagentoTime(question.at, 'down') },
      { field: 'entity_id', condition: 'gt', value: question.afterId },
    ];
  const { from } = question;
  if (from === undefined) return [];
  const condition = from.isInclusive ? 'gteq' : 'gt';
  return [{ field: 'updated_at', condition, value: toMagentoTime(from.at, 'down') }];
}

function createAsk(
  { stream, pageSize, fields, ...connection }: MagentoSettings,
  signal: AbortSignal,
  onAnswer: (answeredAtMs: number) => void,
): Ask {
  const { path, idMember } = streamFacts[stream];
  const guard = createPageGuard('magento', limits.sourceMaxPages);
  return async ({ filters, sortBy }) => {
    const query = searchQuery({ filters, sortBy, pageSize, ...(fields !== undefined && { fields }) });
    guard.refuseRepeat(query);
    const answer = await askMagento(connection, path, query, signal);
    onAnswer(answer.answeredAtMs);
    const total = memberAt(answer.document, ['total_count']);
    if (typeof total !== 'number') throw protocolFailure('magento', 'the answer has no total_count');
    // `items` of an empty result is null in some versions.
    const isEmpty = memberAt(answer.document, ['items']) === null;
    const records = isEmpty ? [] : recordsOf(answer, idMember);
    guard.take(answer.body, records.length);
    // A full page is never taken for the last: extensions of shops have counted wrongly, in both directions.
    return { records, hasMore: records.length >= pageSize || (records.length > 0 && total > records.length) };
  };
}

function isWithin({ changedAt }: MagentoRecord, { start, end }: Span): boolean {
  if (changedAt === undefined) return true;
  return (start === undefined || changedAt >= start) && (end === undefined || changedAt < end);
}

function spanOf({ interval, cursor, lagMs }: ReadRequest): Span {
  if (interval !== undefined) return { start: interval.start, end: interval.end };
  const start = cursorLessLag(cursor, lagMs);
  return start === undefined ? {} : { start };
}
