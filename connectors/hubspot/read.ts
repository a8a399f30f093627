import { parseInstant } from '../../core/interval.js';
import type { JsonValue } from '../../core/json.js';
import { cursorLessLag, cursorNotAfter, laterCursor } from '../cursor.js';
import { protocolFailure } from '../http/index.js';
import { toLine } from '../json-slices.js';
import { keysetPlaceSchema, type KeysetPlace } from '../keyset.js';
import { closedObject } from '../option-problems.js';
import { resumeOf, withCursor } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { createHubspotApi, type HubspotApi } from './api.js';
import { readAssociations } from './associations.js';
import { changedAt, rowLine, type CrmObject } from './crm-object.js';
import { listObjects, listPlaceSchema, type ListPlace } from './list.js';
import { searchChanged, type ChangeSpan } from './search.js';
import type { HubspotSettings } from './settings.js';
import { lineBatch } from '../line-batch.js';

/**
 * Objects, then what was archived in the same span. A read of everything lists them by id, one from a cursor or for an
 * interval searches them by their last change. What is archived is read last, so that an object which goes while its page
 * is read is still seen to go. The cursor follows the objects alone.
 *
 * @throws PipelineError SOURCE_*
 */
export async function* readObjects(
  settings: HubspotSettings,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const api = createHubspotApi(settings, context.signal);
  const span = spanOf(request);
  const from = resumeOf('hubspot', request, placeSchema) as Place | undefined;
  let cursor = from?.cursor ?? request.cursor;
  if (from?.archived === undefined) {
    for await (const { objects, notAfterMs, place } of pagesOf(api, settings, span, from)) {
      for (const object of objects)
        cursor = laterCursor(cursor, cursorNotAfter(changedAt(object, settings.changedProperty), notAfterMs));
      context.heartbeat();
      const lines = await linesOf(api, settings, objects);
      yield lineBatch(
        'rows',
        lines,
        cursor,
        withCursor<Place>(place ?? (settings.deletions ? { archived: {} } : undefined), cursor),
      );
    }
  }
  if (!settings.deletions) return;
  for await (const { objects, place } of listObjects(api, settings, true, from?.archived?.list)) {
    context.heartbeat();
    const gone = objects.map(archivedAt).filter(({ at }) => isWithin(at, span));
    yield lineBatch(
      'deletes',
      gone.map(deletionLine),
      cursor,
      withCursor<Place>(place && { archived: { list: place } }, cursor),
    );
  }
}

/** Behind a page of the list, of the search, or of what is archived. */
type Place = { cursor?: JsonValue; list?: ListPlace; change?: KeysetPlace; archived?: { list?: ListPlace } };

const placeSchema = closedObject({
  cursor: true,
  list: listPlaceSchema,
  change: keysetPlaceSchema,
  archived: closedObject({ list: listPlaceSchema }),
});

interface Step {
  readonly objects: readonly CrmObject[];
  readonly notAfterMs: number;
  readonly place?: Place;
}

/**
 * Pages, and the moment that the cursor must not pass. A list is in the order of ids: an object that changes after its
 * page was read must lie behind the cursor. In a search by time of change it comes again at the end.
 */
async function* pagesOf(
  api: HubspotApi,
  settings: HubspotSettings,
  span: ChangeSpan,
  from: Place = {},
): AsyncGenerator<Step> {
  if (span.start === undefined && span.end === undefined) {
    for await (const { objects, beganAtMs, place } of listObjects(api, settings, false, from.list))
      yield { objects, notAfterMs: beganAtMs, ...(place !== undefined && { place: { list: place } }) };
    return;
  }
  const notAfterMs = Number.POSITIVE_INFINITY;
  for await (const { records, place } of searchChanged(api, settings, span, from.change))
    yield { objects: records, notAfterMs, ...(place !== undefined && { place: { change: place } }) };
}

async function linesOf(
  api: HubspotApi,
  { object, associations }: HubspotSettings,
  objects: readonly CrmObject[],
): Promise<Uint8Array[]> {
  if (associations.length === 0 || objects.length === 0)
    return objects.map((one) => toLine(rowLine(one, undefined)));
  const ids = objects.map(({ id }) => id);
  const found = await readAssociations(api, object, ids, associations);
  return objects.map((one) => toLine(rowLine(one, found.get(one.id))));
}

function spanOf(request: ReadRequest): ChangeSpan {
  if (request.interval !== undefined) return { start: request.interval.start, end: request.interval.end };
  const start = cursorLessLag(request.cursor, request.lagMs);
  return start === undefined ? {} : { start };
}

interface Archived {
  readonly id: string;
  readonly at: string;
}

function archivedAt({ id, parsed }: CrmObject): Archived {
  const text = parsed['archivedAt'] ?? parsed['updatedAt'];
  const at = typeof text === 'string' ? parseInstant(text) : undefined;
  if (at === undefined) throw protocolFailure('hubspot', `archived object ${id} has no time`);
  return { id, at };
}

/** Both texts are UTC with milliseconds. */
function isWithin(at: string, { start, end }: ChangeSpan): boolean {
  return (start === undefined || at >= start) && (end === undefined || at < end);
}

function deletionLine({ id, at }: Archived): Uint8Array {
  return Buffer.from(`${JSON.stringify({ id, updatedAt: at })}\n`);
}
