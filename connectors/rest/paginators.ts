import type { JsonObject } from '../../core/json.js';
import { nextPageUrl, protocolFailure } from '../http/index.js';
import { exactTextAt, memberAt, type JsonPage, type PageRecord } from '../json-page.js';
import type { RestPaginator } from './options.js';
import { pathOf } from './paths.js';
import { placesOf } from './places.js';

/** What one page is asked with. Credentials are added when it is sent. */
export interface PageRequest {
  readonly url: URL;
  readonly json: JsonObject | undefined;
}

/** One page as it came. */
export interface PageAnswer {
  readonly request: PageRequest;
  readonly headers: Headers;
  readonly page: JsonPage;
  readonly records: readonly PageRecord[];
}

/** Finds pages, one after the other. */
export interface Paginator {
  first(request: PageRequest): PageRequest;
  /** What to ask for next; `undefined` after the last page. @throws PipelineError SOURCE_PROTOCOL */
  next(answer: PageAnswer): PageRequest | undefined;
  /** Takes up the count of pages where a read goes on with this one. */
  resume?(request: PageRequest): void;
}

/** The paginator of its declaration. */
export function createPaginator(paginator: RestPaginator = { type: 'single_page' }): Paginator {
  switch (paginator.type) {
    case 'single_page':
      return { first: (request) => request, next: () => undefined };
    case 'header_link':
      return {
        first: (request) => request,
        next: ({ request, headers }) => atUrl(request, nextPageUrl('rest', headers, request.url)),
      };
    case 'json_link':
      return jsonLink(paginator.nextUrlPath ?? 'next');
    case 'offset':
      return offset(paginator);
    case 'page_number':
      return pageNumber(paginator);
    case 'cursor':
      return cursor(paginator);
  }
}

function jsonLink(nextUrlPath: string): Paginator {
  return {
    first: (request) => request,
    next({ request, page }) {
      const target = memberAt(page.document, pathOf(nextUrlPath));
      if (target === undefined || target === null || target === '') return undefined;
      const { href } = request.url;
      const url =
        typeof target === 'string' && URL.canParse(target, href) ? new URL(target, href) : undefined;
      if (url?.origin !== request.url.origin)
        throw protocolFailure('rest', `the next page at "${nextUrlPath}" is no address of the same origin`);
      return atUrl(request, url);
    },
  };
}

function offset(paginator: Extract<RestPaginator, { type: 'offset' }>): Paginator {
  const { limit, offsetParam = 'offset', limitParam = 'limit', totalPath } = paginator;
  let position = paginator.offset ?? 0;
  const at = (request: PageRequest) => withParams(request, { [offsetParam]: position, [limitParam]: limit });
  return {
    first: at,
    resume: ({ url }) => {
      position = Number(url.searchParams.get(offsetParam));
    },
    next(answer) {
      position += placesOf(answer.records, limit);
      const hasMore = hasMoreOf(paginator.hasMorePath, answer);
      const total = totalOf(totalPath, answer);
      const isEnd = hasMore === false || (total !== undefined && position >= total);
      if (isEnd) return undefined;
      return goesOn(answer, hasMore === true || total !== undefined) ? at(answer.request) : undefined;
    },
  };
}

function pageNumber(paginator: Extract<RestPaginator, { type: 'page_number' }>): Paginator {
  const { basePage = 0, pageParam = 'page', totalPath } = paginator;
  let number = basePage;
  const at = (request: PageRequest) => withParams(request, { [pageParam]: number });
  return {
    first: at,
    resume: ({ url }) => {
      number = Number(url.searchParams.get(pageParam));
    },
    next(answer) {
      number += 1;
      const hasMore = hasMoreOf(paginator.hasMorePath, answer);
      const total = totalOf(totalPath, answer);
      if (hasMore === false || (total !== undefined && number >= basePage + total)) return undefined;
      return goesOn(answer, hasMore === true || total !== undefined) ? at(answer.request) : undefined;
    },
  };
}

function cursor(paginator: Extract<RestPaginator, { type: 'cursor' }>): Paginator {
  const { cursorPath, cursorParam = 'cursor', cursorBodyPath } = paginator;
  const used = new Set<string>();
  return {
    first: (request) => request,
    next(answer) {
      const value = exactTextAt(answer.page.body, pathOf(cursorPath));
      if (hasMoreOf(paginator.hasMorePath, answer) === false) return undefined;
      if (value === undefined || value === '') {
        if (paginator.hasMorePath === undefined) return undefined;
        throw protocolFailure('rest', `there is more, and no cursor at "${cursorPath}"`);
      }
      if (used.has(value)) throw protocolFailure('rest', 'a cursor came back, so its pages would never end');
      used.add(value);
      const { request } = answer;
      if (cursorBodyPath === undefined) return withParams(request, { [cursorParam]: value });
      return { ...request, json: withMember(request.json ?? {}, pathOf(cursorBodyPath), value) };
    },
  };
}

/** An empty page is the end, but where the source itself says that there is more. */
function goesOn({ records }: PageAnswer, isTold: boolean): boolean {
  if (records.length > 0) return true;
  if (isTold) throw protocolFailure('rest', 'a page is empty, and there is said to be more');
  return false;
}

function hasMoreOf(path: string | undefined, { page }: PageAnswer): boolean | undefined {
  if (path === undefined) return undefined;
  const value = memberAt(page.document, pathOf(path));
  if (typeof value === 'boolean') return value;
  throw protocolFailure('rest', `"${path}" is neither true nor false`);
}

function totalOf(path: string | undefined, { page }: PageAnswer): number | undefined {
  if (path === undefined) return undefined;
  const total = Number(exactTextAt(page.body, pathOf(path)) ?? Number.NaN);
  if (Number.isSafeInteger(total) && total >= 0) return total;
  throw protocolFailure('rest', `"${path}" is no whole number`);
}

function atUrl(request: PageRequest, url: URL | undefined): PageRequest | undefined {
  return url === undefined ? undefined : { ...request, url };
}

function withParams(request: PageRequest, params: Readonly<Record<string, string | number>>): PageRequest {
  const url = new URL(request.url);
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, String(value));
  return { ...request, url };
}

function withMember(json: JsonObject, [name = '', ...rest]: readonly string[], value: string): JsonObject {
  if (rest.length === 0) return { ...json, [name]: value };
  const inner = json[name];
  const isObject = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
  return { ...json, [name]: withMember(isObject ? inner : {}, rest, value) };
}
