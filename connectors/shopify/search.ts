import { parseInstant } from '../../core/interval.js';
import { limits } from '../../core/limits.js';
import type { GraphqlApi } from '../graphql/api.js';
import { protocolFailure } from '../http/index.js';
import { recordsAt, type PageRecord } from '../json-page.js';
import { closedObject } from '../option-problems.js';
import { createPageGuard } from '../page-guard.js';
import { nextCursor } from './nodes.js';
import { pageQuery } from './queries.js';
import type { ShopifyStream } from './streams.js';

/** Half-open span of the time of last change, ISO 8601. */
export interface ChangeSpan {
  readonly start?: string;
  readonly end?: string;
}

/** Objects of a page, and where the search goes on; nowhere behind the last page. */
export interface SearchStep {
  readonly page: readonly PageRecord[];
  readonly place?: SearchPlace;
}

/** The next page: of a search from `start`, behind `after`, which `objects` lie before. */
export type SearchPlace = { start?: string; after?: string; objects: number };

/** Shape of a `SearchPlace`. */
export const searchPlaceSchema = closedObject(
  { start: { type: 'string' }, after: { type: 'string' }, objects: { type: 'integer' } },
  ['objects'],
);

/**
 * Changed objects, in the order of the search by `updated_at`. After `maxObjects` objects, which is
 * as far as pages of one search go, another search begins where the last page was, so some come twice. The upper bound
 * is asked for a day late, because some searches compare days, and the rest is left out here.
 *
 * @throws PipelineError SOURCE_*
 */
export async function* searchChanged(
  ask: GraphqlApi,
  stream: ShopifyStream,
  pageSize: number,
  span: ChangeSpan,
  maxObjects: number = limits.shopifySearchMaxObjects,
  from: SearchPlace = { ...(span.start !== undefined && { start: span.start }), objects: 0 },
): AsyncGenerator<SearchStep> {
  let { start, after, objects } = from;
  let guard = createPageGuard('shopify');
  let lastPage: readonly PageRecord[] = [];
  for (;;) {
    const variables = {
      first: pageSize,
      query: terms('updated_at', start, span.end),
      ...(after !== undefined && { after }),
    };
    guard.refuseRepeat(JSON.stringify(variables));
    const page = await ask({ query: pageQuery(stream), variables });
    const found = recordsAt('shopify', page, ['data', stream.root, 'nodes']);
    guard.take(page.body, found.length);
    objects += found.length;
    if (found.length > 0) lastPage = found;
    after = nextCursor(page, [stream.root]);
    if (after === undefined) {
      yield { page: found };
      return;
    }
    if (objects + pageSize > maxObjects) {
      start = nextStart(lastPage, start, maxObjects);
      [after, objects, guard] = [undefined, 0, createPageGuard('shopify')];
    }
    const place = { ...(start !== undefined && { start }), ...(after !== undefined && { after }), objects };
    yield { page: found, place };
  }
}

/** Where another search begins. @throws PipelineError SOURCE_PROTOCOL */
function nextStart(lastPage: readonly PageRecord[], start: string | undefined, maxObjects: number): string {
  const next = earliestChange(lastPage);
  if (next === undefined || (start !== undefined && next <= start))
    throw protocolFailure(
      'shopify',
      `more than ${String(maxObjects)} objects changed in one moment; read everything with a bulk operation`,
    );
  return next;
}

/** Terms of Shopify's search syntax for a span. */
export function terms(name: string, start: string | undefined, end: string | undefined): string {
  const dayLater = end === undefined ? undefined : new Date(Date.parse(end) + 86_400_000).toISOString();
  return [
    ...(start === undefined ? [] : [`${name}:>='${start}'`]),
    ...(dayLater === undefined ? [] : [`${name}:<='${dayLater}'`]),
  ].join(' AND ');
}

/** Time of an object's last change, ISO 8601 UTC with milliseconds. */
export function changedAt({ parsed }: PageRecord): string | undefined {
  const text = parsed['updatedAt'];
  return typeof text === 'string' ? parseInstant(text) : undefined;
}

/** Of a page: an index that lags behind gives its objects with times that are newer than their place. */
function earliestChange(page: readonly PageRecord[]): string | undefined {
  return page
    .map(changedAt)
    .filter((at) => at !== undefined)
    .sort()[0];
}
