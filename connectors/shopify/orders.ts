import { parseInstant } from '../../core/interval.js';
import type { JsonValue } from '../../core/json.js';
import { cursorLessLag, laterCursor } from '../cursor.js';
import { protocolFailure } from '../http/index.js';
import type { PageRecord } from '../json-page.js';
import { sliceMembers, toLine } from '../json-slices.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { adminUrl, readPages } from './pages.js';
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
  let cursor = request.cursor;
  const first = adminUrl(settings, 'orders', {
    status: 'any',
    order: 'updated_at asc',
    limit: String(settings.pageSize ?? pageMaxOrders),
    ...(bounds.min !== undefined && { updated_at_min: bounds.min }),
    ...(bounds.max !== undefined && { updated_at_max: bounds.max }),
  });
  for await (const page of readPages(settings, 'orders', first, context.signal)) {
    const wanted = page.filter((record) => isBefore(instantMember(record, 'updated_at'), bounds.max));
    for (const record of wanted) cursor = laterCursor(cursor, instantMember(record, 'updated_at'));
    context.heartbeat();
    yield lineBatch(
      'rows',
      wanted.map((record) => toLine(record.bytes)),
      cursor,
    );
  }
  if (settings.deletions) yield* readDeletions(settings, bounds, cursor, context);
}

async function* readDeletions(
  settings: ShopifySettings,
  bounds: Bounds,
  cursor: JsonValue | undefined,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const first = adminUrl(settings, 'events', {
    filter: 'Order',
    verb: 'destroy',
    limit: String(settings.pageSize ?? pageMaxOrders),
    ...(bounds.min !== undefined && { created_at_min: bounds.min }),
    ...(bounds.max !== undefined && { created_at_max: bounds.max }),
  });
  for await (const page of readPages(settings, 'events', first, context.signal)) {
    const wanted = page.filter(
      (record) =>
        record.parsed['verb'] === 'destroy' &&
        record.parsed['subject_type'] === 'Order' &&
        isBefore(instantMember(record, 'created_at'), bounds.max),
    );
    context.heartbeat();
    yield lineBatch('deletes', wanted.map(deletionLine), cursor);
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
