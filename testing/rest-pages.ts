import type { RestRecord } from './rest-records.js';

/** What is asked for. */
export interface RestQuery {
  readonly url: URL;
  readonly resource: string;
  readonly bodyCursor: string | undefined;
}

/** One page: its body, and its `Link` target where it has one. */
export interface RestPage {
  readonly body: Readonly<Record<string, unknown>>;
  readonly link?: string;
}

interface PageRules {
  readonly pageMaxRecords: number;
  readonly isLoop: boolean;
  readonly isEndless: boolean;
  /** Number of the request, for addresses that never repeat. */
  readonly count: number;
}

/** A page of the records by one way of paging; `undefined` for an unknown one. */
export function listRestPage(
  all: readonly RestRecord[],
  { url, resource, bodyCursor }: RestQuery,
  { pageMaxRecords: size, isLoop, isEndless, count }: PageRules,
): RestPage | undefined {
  const query = url.searchParams;
  const records = isEndless ? [] : all.filter((record) => isWithin(record, query));
  const at = (from: number) => records.slice(from, from + size);
  const href = (name: string, value: number): string => {
    const next = new URL(url);
    next.searchParams.delete('api_key');
    next.searchParams.set(name, String(value));
    return next.href;
  };
  const from = positionOf(query, resource, bodyCursor);
  const hasNext = isEndless || from + size < records.length;
  const nextFrom = isLoop ? from : isEndless ? from + count : from + size;
  switch (resource) {
    case 'single_page':
      return { body: { data: records } };
    case 'header_link':
      return { body: { data: at(from) }, ...((hasNext || isLoop) && { link: href('offset', nextFrom) }) };
    case 'json_link':
      return {
        body: { data: at(from), links: { next: hasNext || isLoop ? href('offset', nextFrom) : null } },
      };
    case 'offset':
      return { body: { data: isLoop ? at(0) : at(from), total: isEndless ? from + 1 : records.length } };
    case 'page_number': {
      const number = isLoop ? 0 : Number(query.get('page') ?? 0);
      return {
        body: { data: at(number * size), pages: isEndless ? number + 2 : Math.ceil(records.length / size) },
      };
    }
    case 'cursor':
      return {
        body: {
          data: at(from),
          paging: hasNext || isLoop ? { next: { after: String(nextFrom) } } : {},
          has_more: hasNext || isLoop,
        },
      };
    default:
      return undefined;
  }
}

function positionOf(query: URLSearchParams, resource: string, bodyCursor: string | undefined): number {
  return Number((resource === 'cursor' ? (bodyCursor ?? query.get('cursor')) : query.get('offset')) ?? 0);
}

function isWithin({ updated_s: seconds }: RestRecord, query: URLSearchParams): boolean {
  const [since, until] = [boundOf(query, 'since'), boundOf(query, 'until')];
  return (since === undefined || seconds * 1000 >= since) && (until === undefined || seconds * 1000 <= until);
}

function boundOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const unit = query.get('unit');
  return unit === 's' ? Number(text) * 1000 : unit === 'ms' ? Number(text) : Date.parse(text);
}
