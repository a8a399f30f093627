import { parseInstant } from '../../core/interval.js';
import { limits } from '../../core/limits.js';
import type { GraphqlApi } from '../graphql/api.js';
import { protocolFailure } from '../http/index.js';
import { recordsAt, type PageRecord } from '../json-page.js';
import { createPageGuard } from '../page-guard.js';
import { nextCursor } from './nodes.js';
import { pageQuery } from './queries.js';
import type { ShopifyStream } from './streams.js';

/** Half-open span of the time of last change, ISO 8601. */
export interface ChangeSpan {
  readonly start?: string;
  readonly end?: string;
}

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
): AsyncGenerator<readonly PageRecord[]> {
  let start = span.start;
  for (;;) {
    const guard = createPageGuard('shopify');
    let after: string | undefined;
    let objects = 0;
    let lastPage: readonly PageRecord[] = [];
    do {
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
      yield found;
      after = nextCursor(page, [stream.root]);
    } while (after !== undefined && objects + pageSize <= maxObjects);
    if (after === undefined) return;
    const next = earliestChange(lastPage);
    if (next === undefined || (start !== undefined && next <= start))
      throw protocolFailure(
        'shopify',
        `more than ${String(maxObjects)} objects changed in one moment; read everything with a bulk operation`,
      );
    start = next;
  }
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
