import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../core/limits.js';
import { httpRequest, nextPageUrl, protocolFailure } from '../http/index.js';
import { sliceElements, sliceMembers } from '../json-slices.js';
import type { ShopifySettings } from './settings.js';

/** One record of a page: its exact bytes, and its parsed form for reading text members only (empty for no object). */
export interface PageRecord {
  readonly bytes: Uint8Array;
  readonly parsed: Readonly<Record<string, unknown>>;
}

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
): AsyncGenerator<readonly PageRecord[]> {
  const seen = new Set<string>();
  let emptyPages = 0;
  let url: URL | undefined = firstUrl;
  while (url !== undefined) {
    refuseRepeat(seen, url.href);
    const response = await shopifyGet(settings, url, signal);
    const records = parsePage(member, response.body);
    if (records.length > 0) refuseRepeat(seen, createHash('sha256').update(response.body).digest('base64'));
    emptyPages = records.length > 0 ? 0 : emptyPages + 1;
    if (emptyPages > limits.sourceMaxEmptyPages || seen.size > 2 * limits.sourceMaxPages) {
      throw protocolFailure('shopify', 'its pages do not end');
    }
    yield records;
    url = nextPageUrl('shopify', response.headers, url);
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

function refuseRepeat(seen: Set<string>, identity: string): void {
  if (seen.has(identity)) throw protocolFailure('shopify', 'a page came back, so its pages would never end');
  seen.add(identity);
}

function parsePage(member: string, body: Uint8Array): PageRecord[] {
  let page: unknown;
  try {
    page = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw protocolFailure('shopify', 'the body is not whole JSON');
  }
  const list: unknown =
    typeof page === 'object' && page !== null ? (page as Record<string, unknown>)[member] : undefined;
  if (!Array.isArray(list)) throw protocolFailure('shopify', `the body has no list "${member}"`);
  const slices = sliceElements(sliceMembers(body).get(member) ?? new Uint8Array());
  if (slices.length !== list.length) throw protocolFailure('shopify', `the list "${member}" is ambiguous`);
  return list.map((parsed: unknown, index) => {
    const isObject = typeof parsed === 'object' && parsed !== null;
    return {
      bytes: slices[index] as Uint8Array,
      parsed: isObject ? (parsed as Record<string, unknown>) : {},
    };
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
