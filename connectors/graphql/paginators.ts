import type { JsonObject } from '../../core/json.js';
import { protocolFailure } from '../http/index.js';
import { exactTextAt, memberAt, type JsonPage, type PageRecord } from '../json-page.js';
import { pathOf } from '../rest/paths.js';
import { placesOf } from '../rest/places.js';
import type { GraphqlEndpoint, GraphqlPaginator } from './options.js';

/** One page as it came. */
export interface PageAnswer {
  readonly page: JsonPage;
  readonly records: readonly PageRecord[];
}

/** Finds pages, one after the other. */
export interface GraphqlPages {
  /** Variables of the first page. */
  readonly first: JsonObject;
  /** Variables of the next page; `undefined` after the last. @throws PipelineError SOURCE_PROTOCOL */
  next(answer: PageAnswer): JsonObject | undefined;
  /** Takes up the count of records where a read goes on with these variables. */
  resume?(turn: JsonObject): void;
}

/** Paths of what a paginator reads, below `data`. */
export function paginatorPaths({ paginator, dataSelector }: GraphqlEndpoint): (readonly string[])[] {
  if (paginator?.type === 'relay') {
    const pageInfo = pageInfoPath(paginator, dataSelector);
    return [
      [...pageInfo, 'hasNextPage'],
      [...pageInfo, 'endCursor'],
    ];
  }
  if (paginator?.type !== 'offset') return [];
  return [paginator.totalPath, paginator.hasMorePath].flatMap((path) =>
    path === undefined ? [] : [pathOf(path)],
  );
}

/** Variables that a paginator sets. */
export function paginatorVariables(paginator: GraphqlPaginator | undefined): string[] {
  if (paginator?.type === 'relay') return [paginator.cursorVariable ?? 'after'];
  if (paginator?.type !== 'offset') return [];
  return [paginator.offsetVariable ?? 'offset', paginator.limitVariable ?? 'limit'];
}

/** The pages of an endpoint. */
export function createPages({ paginator, dataSelector }: GraphqlEndpoint): GraphqlPages {
  if (paginator?.type === 'relay') return relay(paginator, pageInfoPath(paginator, dataSelector));
  if (paginator?.type === 'offset') return offset(paginator);
  return { first: {}, next: () => undefined };
}

function pageInfoPath({ pageInfoPath: path }: { readonly pageInfoPath?: string }, dataSelector: string) {
  return path === undefined ? [...pathOf(dataSelector).slice(0, -1), 'pageInfo'] : pathOf(path);
}

function relay(
  { cursorVariable = 'after' }: Extract<GraphqlPaginator, { type: 'relay' }>,
  pageInfo: readonly string[],
): GraphqlPages {
  const used = new Set<string>();
  return {
    first: {},
    next({ page }) {
      const { hasNextPage, endCursor } = (memberAt(page.document, ['data', ...pageInfo]) ?? {}) as JsonObject;
      const place = `"${pageInfo.join('.')}"`;
      if (typeof hasNextPage !== 'boolean')
        throw protocolFailure('graphql', `${place} does not say whether there is a next page`);
      if (!hasNextPage) return undefined;
      if (typeof endCursor !== 'string' || endCursor === '')
        throw protocolFailure('graphql', `there is a next page, and no cursor at ${place}`);
      if (used.has(endCursor))
        throw protocolFailure('graphql', 'a cursor came back, so its pages would never end');
      used.add(endCursor);
      return { [cursorVariable]: endCursor };
    },
  };
}

function offset(paginator: Extract<GraphqlPaginator, { type: 'offset' }>): GraphqlPages {
  const { limit, offsetVariable = 'offset', limitVariable = 'limit', totalPath, hasMorePath } = paginator;
  let position = paginator.offset ?? 0;
  const at = () => ({ [offsetVariable]: position, [limitVariable]: limit });
  return {
    first: at(),
    resume: (turn) => {
      position = Number(turn[offsetVariable]);
    },
    next({ page, records }) {
      position += placesOf(records, limit);
      const hasMore =
        hasMorePath === undefined ? undefined : memberAt(page.document, ['data', ...pathOf(hasMorePath)]);
      const total =
        totalPath === undefined ? undefined : Number(exactTextAt(page.body, ['data', ...pathOf(totalPath)]));
      if (hasMore !== undefined && typeof hasMore !== 'boolean')
        throw protocolFailure('graphql', `"${hasMorePath ?? ''}" is neither true nor false`);
      if (total !== undefined && !Number.isSafeInteger(total))
        throw protocolFailure('graphql', `"${totalPath ?? ''}" is no whole number`);
      if (hasMore === false || (total !== undefined && position >= total)) return undefined;
      if (records.length > 0) return at();
      if (hasMore === true || total !== undefined)
        throw protocolFailure('graphql', 'a page is empty, and there is said to be more');
      return undefined;
    },
  };
}
