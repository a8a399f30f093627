import { parseInstant } from '../../core/interval.js';
import type { JsonValue } from '../../core/json.js';
import type { GraphqlApi } from '../graphql/api.js';
import { cursorLessLag, cursorNotAfter, laterCursor } from '../cursor.js';
import { protocolFailure } from '../http/index.js';
import { exactTextAt, recordsAt } from '../json-page.js';
import { toLine } from '../json-slices.js';
import { lineBatch } from '../line-batch.js';
import { createPageGuard } from '../page-guard.js';
import { closedObject } from '../option-problems.js';
import { resumeOf, withCursor } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { readBulkFile } from './bulk-file.js';
import { runBulkOperation } from './bulk.js';
import { shopifyGraphql } from './graphql-api.js';
import { completeNodes, nextCursor } from './nodes.js';
import { deletionsQuery } from './queries.js';
import {
  changedAt,
  searchChanged,
  searchPlaceSchema,
  terms,
  type ChangeSpan,
  type SearchPlace,
} from './search.js';
import type { ShopifySettings } from './settings.js';
import { gidNumber, shapeRow, type ShopifyNode } from './shape.js';
import type { ShopifyStream } from './streams.js';

/**
 * Objects, then the deletions of the same span. A read of everything is a bulk operation where the stream has one; its
 * cursor does not pass the moment at which the operation began. One from a cursor or for an interval searches by time of
 * change. Deletions are read last, so that an object which goes while its page is read is still seen to go. The cursor
 * follows the objects alone.
 *
 * @throws PipelineError SOURCE_*
 */
export async function* readShopifyGraphql(
  settings: ShopifySettings,
  stream: ShopifyStream,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const ask = shopifyGraphql(settings, context.signal);
  const span = spanOf(request);
  const isWhole = span.start === undefined && span.end === undefined;
  const from = resumeOf('shopify', request, placeSchema) as Place | undefined;
  let cursor = from?.cursor ?? request.cursor;
  const subjectType = settings.deletions ? stream.subjectType : undefined;
  const pieces =
    isWhole && stream.isBulk && settings.bulk
      ? bulkPieces(settings, stream, context, from?.bulk)
      : searchPieces(ask, settings, stream, span, from?.search);
  if (from?.deletions === undefined) {
    for await (const { nodes, changed, place } of pieces) {
      for (const at of changed) cursor = laterCursor(cursor, at);
      context.heartbeat();
      const wanted = nodes.filter(({ bytes }) => isWanted(exactTextAt(bytes, ['updatedAt']), span));
      const next = place ?? (subjectType === undefined ? undefined : { deletions: {} });
      yield lineBatch(
        'rows',
        wanted.map((node) => toLine(shapeRow(stream.shape, node))),
        cursor,
        withCursor<Place>(next, cursor),
      );
    }
  }
  if (subjectType !== undefined)
    yield* readDeletions(ask, subjectType, { span, cursor, after: from?.deletions?.after }, context);
}

/** Behind lines of a bulk file, a page of a search, or a page of deletions. */
type Place = {
  cursor?: JsonValue;
  bulk?: BulkPlace;
  search?: SearchPlace;
  deletions?: { after?: string };
};

type BulkPlace = { id: string; lines: number };

const placeSchema = closedObject({
  cursor: true,
  bulk: closedObject({ id: { type: 'string' }, lines: { type: 'integer', minimum: 0 } }, ['id', 'lines']),
  search: searchPlaceSchema,
  deletions: closedObject({ after: { type: 'string' } }),
});

interface Piece {
  readonly nodes: readonly ShopifyNode[];
  /** Times of the last change, as far as the cursor may follow them. */
  readonly changed: readonly (string | undefined)[];
  readonly place?: Pick<Place, 'bulk' | 'search'>;
}

async function* bulkPieces(
  settings: ShopifySettings,
  stream: ShopifyStream,
  { signal, goesOn }: ReadContext,
  from?: BulkPlace,
): AsyncGenerator<Piece> {
  let id = from?.id;
  const result = yield* runBulkOperation<Piece>(settings, stream, {
    signal,
    id: from?.id,
    goesOn: () => goesOn?.() === true,
    waiting(started) {
      id = started;
      return { nodes: [], changed: [], place: { bulk: { id: started, lines: from?.lines ?? 0 } } };
    },
  });
  for await (const { nodes, lines } of readBulkFile(settings.baseUrl, result, signal, from?.lines))
    yield {
      nodes,
      changed: nodes.map(({ record }) => cursorNotAfter(changedAt(record), result.createdAtMs)),
      ...(id !== undefined && lines < result.objectCount && { place: { bulk: { id, lines } } }),
    };
}

async function* searchPieces(
  ask: GraphqlApi,
  settings: ShopifySettings,
  stream: ShopifyStream,
  span: ChangeSpan,
  from?: SearchPlace,
): AsyncGenerator<Piece> {
  // The parts of an object have times of their own, which the object's own time never lies before.
  const asked = stream.part === undefined || span.start === undefined ? span : { start: span.start };
  const pageSize = settings.pageSize ?? stream.pageSize;
  for await (const { page, place } of searchChanged(ask, stream, pageSize, asked, undefined, from)) {
    const nodes: ShopifyNode[] = [];
    for (const { bytes } of page) nodes.push(...(await completeNodes(ask, stream, bytes)));
    const changed = page.map(changedAt).filter((at) => isBefore(at, span.end));
    yield { nodes, changed, ...(place !== undefined && { place: { search: place } }) };
  }
}

interface DeletionsRead {
  readonly span: ChangeSpan;
  readonly cursor: JsonValue | undefined;
  readonly after: string | undefined;
}

async function* readDeletions(
  ask: GraphqlApi,
  subjectType: string,
  { span, cursor, after: from }: DeletionsRead,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const guard = createPageGuard('shopify');
  const bounds = terms('created_at', span.start, span.end);
  const query = [`subject_type:${subjectType}`, 'action:destroy', bounds]
    .filter((term) => term !== '')
    .join(' AND ');
  let after = from;
  do {
    guard.refuseRepeat(after ?? '');
    const page = await ask({
      query: deletionsQuery,
      variables: { query, ...(after !== undefined && { after }) },
    });
    const events = recordsAt('shopify', page, ['data', 'events', 'nodes']);
    guard.take(page.body, events.length);
    const gone = events
      .map(({ parsed }) => parsed)
      .filter(({ action, subjectType: type }) => action === 'destroy' && type === subjectType)
      .map(deletionOf)
      .filter(({ at }) => isWithin(at, span));
    context.heartbeat();
    after = nextCursor(page, ['events']);
    yield lineBatch(
      'deletes',
      gone.map(({ id, at }) => Buffer.from(`{"id":${id},"updated_at":"${at}"}\n`)),
      cursor,
      withCursor<Place>(after === undefined ? undefined : { deletions: { after } }, cursor),
    );
  } while (after !== undefined);
}

function deletionOf(event: Readonly<Record<string, unknown>>): { readonly id: string; readonly at: string } {
  const { subjectId, createdAt } = event;
  const id = gidNumber(typeof subjectId === 'string' ? subjectId : undefined);
  const at = typeof createdAt === 'string' ? parseInstant(createdAt) : undefined;
  if (id === undefined || at === undefined) throw protocolFailure('shopify', 'a deletion names no object');
  return { id, at };
}

function spanOf(request: ReadRequest): ChangeSpan {
  if (request.interval !== undefined) return { start: request.interval.start, end: request.interval.end };
  const start = cursorLessLag(request.cursor, request.lagMs);
  return start === undefined ? {} : { start };
}

/** Of a read from a cursor, all that the search gives: the parts of an object that changed come whole, changed or not. */
function isWanted(updatedAt: string | undefined, span: ChangeSpan): boolean {
  const at = updatedAt === undefined ? undefined : parseInstant(updatedAt);
  return at === undefined || span.end === undefined || isWithin(at, span);
}

/** All texts are UTC with milliseconds. */
function isWithin(at: string, { start, end }: ChangeSpan): boolean {
  return (start === undefined || at >= start) && isBefore(at, end);
}

function isBefore(at: string | undefined, end: string | undefined): boolean {
  return at === undefined || end === undefined || at < end;
}
