import { parseInstant } from '../../core/interval.js';
import type { JsonValue } from '../../core/json.js';
import { cursorLessLag, laterCursor } from '../cursor.js';
import { protocolFailure } from '../http/index.js';
import type { PageRecord } from '../json-page.js';
import { sliceMembers, toLine } from '../json-slices.js';
import { closedObject } from '../option-problems.js';
import { resumeOf, withCursor } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { adminUrl, placeUrl, readPages } from './pages.js';
import { pageMaxOrders, type ShopifySettings } from './settings.js';
import { lineBatch } from '../line-batch.js';

interface Bounds {
  readonly min: string | undefined;
  /** Exclusive. */
  readonly max: string | undefined;
}

/**
 * Orders by `updated_at` ascending, then the deletions of the same span. Deletions are read last, so that an order
 * which disappears while its page is read is still seen as deleted. The cursor follows the orders alone: a deletion
 * may be newer than an order that was not there yet when its page was read.
 */
export async function* readOrders(
  settings: ShopifySettings,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const bounds = boundsOf(request);
  const from = resumeOf('shopify', request, placeSchema) as Place | undefined;
  let cursor = from?.cursor ?? request.cursor;
  const first = adminUrl(settings, 'orders', {
    status: 'any',
    order: 'updated_at asc',
    limit: String(settings.pageSize ?? pageMaxOrders),
    ...(bounds.min !== undefined && { updated_at_min: bounds.min }),
    ...(bounds.max !== undefined && { updated_at_max: bounds.max }),
  });
  const begin = from?.orders === undefined ? first : placeUrl(from.orders, first);
  if (from?.deletions === undefined) {
    for await (const { records, next } of readPages(settings, 'orders', begin, context.signal)) {
      const wanted = records.filter((record) => isBefore(instantMember(record, 'updated_at'), bounds.max));
      for (const record of wanted) cursor = laterCursor(cursor, instantMember(record, 'updated_at'));
      context.heartbeat();
      const end = settings.deletions ? { deletions: {} } : undefined;
      yield lineBatch(
        'rows',
        wanted.map((record) => toLine(record.bytes)),
        cursor,
        withCursor<Place>(next === undefined ? end : { orders: next }, cursor),
      );
    }
  }
  if (settings.deletions)
    yield* readDeletions(settings, { bounds, cursor, from: from?.deletions?.url }, context);
}

/** The next page of the orders, or of the deletions. */
type Place = { cursor?: JsonValue; orders?: string; deletions?: { url?: string } };

const placeSchema = closedObject({
  cursor: true,
  orders: { type: 'string' },
  deletions: closedObject({ url: { type: 'string' } }),
});

interface DeletionsRead {
  readonly bounds: Bounds;
  readonly cursor: JsonValue | undefined;
  readonly from: string | undefined;
}

async function* readDeletions(
  settings: ShopifySettings,
  { bounds, cursor, from }: DeletionsRead,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const first = adminUrl(settings, 'events', {
    filter: 'Order',
    verb: 'destroy',
    limit: String(settings.pageSize ?? pageMaxOrders),
    ...(bounds.min !== undefined && { created_at_min: bounds.min }),
    ...(bounds.max !== undefined && { created_at_max: bounds.max }),
  });
  const begin = from === undefined ? first : placeUrl(from, first);
  for await (const { records, next } of readPages(settings, 'events', begin, context.signal)) {
    const wanted = records.filter(
      (record) =>
        record.parsed['verb'] === 'destroy' &&
        record.parsed['subject_type'] === 'Order' &&
        isBefore(instantMember(record, 'created_at'), bounds.max),
    );
    context.heartbeat();
    yield lineBatch(
      'deletes',
      wanted.map(deletionLine),
      cursor,
      withCursor<Place>(next === undefined ? undefined : { deletions: { url: next } }, cursor),
    );
  }
}

/** `{"id":…,"updated_at":…}`: key and version of the order that is gone, digits as the source wrote them. */
function deletionLine(record: PageRecord): Uint8Array {
  const members = sliceMembers(record.bytes);
  const id = members.get('subject_id');
  const deletedAt = members.get('created_at');
  if (id === undefined || deletedAt === undefined)
    throw protocolFailure('shopify', 'a deletion names no order');
  return Buffer.concat([
    Buffer.from('{"id":'),
    id,
    Buffer.from(',"updated_at":'),
    deletedAt,
    Buffer.from('}\n'),
  ]);
}

function boundsOf(request: ReadRequest): Bounds {
  if (request.interval !== undefined) return { min: request.interval.start, max: request.interval.end };
  return { min: cursorLessLag(request.cursor, request.lagMs), max: undefined };
}

/** UTC text with milliseconds. A record without one passes on: the schema check quarantines it. */
function instantMember(record: PageRecord, name: string): string | undefined {
  const value = record.parsed[name];
  return typeof value === 'string' ? parseInstant(value) : undefined;
}

/** The API's upper bound is inclusive; an interval's is not. Both texts are UTC with milliseconds. */
function isBefore(instant: string | undefined, max: string | undefined): boolean {
  return max === undefined || instant === undefined || instant < max;
}
