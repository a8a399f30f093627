import {
  answeredAtMs,
  httpRequest,
  pauseForRateLimit,
  protocolFailure,
  type HttpResponse,
} from '../http/index.js';
import { memberAt, parsePage, recordsAt, type JsonPage, type PageRecord } from '../json-page.js';
import { createPageGuard } from '../page-guard.js';
import { resumeFailure } from '../resume.js';
import type { KlaviyoConnection } from './settings.js';

/** One page of a collection. */
export interface KlaviyoPage extends JsonPage {
  readonly records: readonly PageRecord[];
  /** When the first page was given, by Klaviyo's clock. */
  readonly beganAtMs: number;
  /** Where a read goes on behind this page. */
  readonly place?: KlaviyoPlace;
}

/** The next page, and when the first one was given. */
export type KlaviyoPlace = { url: string; beganAtMs: number };

/** The address of a collection with its parameters. */
export function collectionUrl(
  { baseUrl }: KlaviyoConnection,
  name: string,
  params: Readonly<Record<string, string>>,
): URL {
  const url = new URL(`/api/${name}`, baseUrl);
  for (const [key, value] of Object.entries(params)) url.searchParams.set(key, value);
  return url;
}

/**
 * The pages of a collection, by `links.next`. A limit that is spent is waited for before the next one.
 *
 * @param from goes on there
 * @throws PipelineError SOURCE_*
 */
export async function* readPages(
  connection: KlaviyoConnection,
  first: URL,
  signal: AbortSignal,
  from?: KlaviyoPlace,
): AsyncGenerator<KlaviyoPage> {
  const guard = createPageGuard('klaviyo');
  let beganAtMs = from?.beganAtMs;
  let url: URL | undefined = from === undefined ? first : placeUrl(from, first);
  while (url !== undefined) {
    guard.refuseRepeat(url.href);
    const response: HttpResponse = await klaviyoGet(connection, url, signal);
    beganAtMs ??= answeredAtMs(response.headers);
    const page = parsePage('klaviyo', response.body);
    const records = recordsAt('klaviyo', page, ['data']);
    guard.take(response.body, records.length);
    url = nextUrl(page, url);
    yield { ...page, records, beganAtMs, ...(url !== undefined && { place: { url: url.href, beganAtMs } }) };
    if (url !== undefined) await pauseForRateLimit(response.headers, signal);
  }
}

/** One request. Source of outside facts: Klaviyo API documentation, "Authenticate API requests", "API versioning". */
export function klaviyoGet(
  connection: KlaviyoConnection,
  url: URL,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { apiKey, credentials, revision } = connection;
  return httpRequest({
    source: 'klaviyo',
    url,
    headers: { revision, ...(apiKey !== undefined && { authorization: `Klaviyo-API-Key ${apiKey}` }) },
    ...(credentials !== undefined && { credentials }),
    accept: 'application/vnd.api+json',
    // Each endpoint has limits of its own (Klaviyo API documentation, "Rate limits, status codes, and errors").
    rate: { bucket: url.pathname.replace(/^\/api\/|\/$/g, '') },
    signal,
  });
}

function placeUrl({ url: text }: KlaviyoPlace, first: URL): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.origin === first.origin && url.pathname.replace(/\/$/, '') === first.pathname) return url;
  throw resumeFailure('klaviyo', 'its place is no page of the same collection');
}

function nextUrl({ document }: JsonPage, current: URL): URL | undefined {
  const next = memberAt(document, ['links', 'next']);
  if (next === undefined || next === null) return undefined;
  const url = typeof next === 'string' && URL.canParse(next) ? new URL(next) : undefined;
  if (url?.origin !== current.origin || url.pathname.replace(/\/$/, '') !== current.pathname)
    throw protocolFailure('klaviyo', 'the next page is no page of the same collection');
  return url;
}
