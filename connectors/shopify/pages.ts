import { setTimeout as sleep } from 'node:timers/promises';
import { httpRequest, nextPageUrl } from '../http/index.js';
import { parsePage, recordsAt, type PageRecord } from '../json-page.js';
import { createPageGuard } from '../page-guard.js';
import { resumeFailure } from '../resume.js';
import type { ShopifySettings } from './settings.js';

/** URL of an Admin API resource. */
export function adminUrl(
  settings: ShopifySettings,
  resource: string,
  query: Record<string, string> = {},
): URL {
  const url = new URL(`/admin/api/${settings.apiVersion}/${resource}.json`, settings.baseUrl);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

/** Records of a page, and the address of the next one. */
export interface OrdersPage {
  readonly records: readonly PageRecord[];
  readonly next?: string;
}

/** An address where a cut read goes on: one of the same resource. @throws PipelineError SOURCE_RESUME */
export function placeUrl(text: string, first: URL): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.origin === first.origin && url.pathname === first.pathname) return url;
  throw resumeFailure('shopify', 'its place is no page of the same resource');
}

/**
 * Follows `Link: rel="next"` from the first page to the last. Each page is whole and checked before it is yielded.
 *
 * @throws PipelineError SOURCE_*; SOURCE_PROTOCOL also where the pages never end: an address or a non-empty page
 * comes back, empty pages follow one another, or there are more pages than `limits.sourceMaxPages`.
 */
export async function* readPages(
  settings: ShopifySettings,
  member: string,
  firstUrl: URL,
  signal: AbortSignal,
): AsyncGenerator<OrdersPage> {
  const guard = createPageGuard('shopify');
  let url: URL | undefined = firstUrl;
  while (url !== undefined) {
    guard.refuseRepeat(url.href);
    const response = await shopifyGet(settings, url, signal);
    const records = recordsAt('shopify', parsePage('shopify', response.body), [member]);
    guard.take(response.body, records.length);
    url = nextPageUrl('shopify', response.headers, url);
    yield { records, ...(url !== undefined && { next: url.href }) };
    if (url !== undefined) await pauseNearCallLimit(response.headers, signal);
  }
}

/** One GET with the token, or with what the credentials say. */
export async function shopifyGet(settings: ShopifySettings, url: URL, signal: AbortSignal) {
  return httpRequest({
    source: 'shopify',
    url,
    ...(settings.accessToken !== undefined && {
      headers: { 'x-shopify-access-token': settings.accessToken },
    }),
    ...(settings.credentials !== undefined && { credentials: settings.credentials }),
    accept: 'application/json',
    signal,
  });
}

/**
 * Waits for one call's worth of the bucket when it is nearly full, so that a long read does not run into 429s.
 * `X-Shopify-Shop-Api-Call-Limit: 39/40`; the bucket of a standard shop leaks 2 calls a second.
 */
async function pauseNearCallLimit(headers: Headers, signal: AbortSignal): Promise<void> {
  const [used, size] = (headers.get('x-shopify-shop-api-call-limit') ?? '').split('/').map(Number);
  if (used === undefined || size === undefined || !(used >= size - 1)) return;
  await sleep(500, undefined, { signal });
}
