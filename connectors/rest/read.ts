import type { JsonObject } from '../../core/json.js';
import { answeredAtMs, httpRequest, pauseForRateLimit, type HttpResponse } from '../http/index.js';
import { memberAt, parsePage, recordsAt, toRecord, type JsonPage, type PageRecord } from '../json-page.js';
import { sliceAt } from '../json-slices.js';
import { closedObject } from '../option-problems.js';
import { createPageGuard } from '../page-guard.js';
import { resumeFailure, resumeOf } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { restWindow } from './incremental.js';
import type { RestEndpoint } from './options.js';
import { createPaginator, type PageRequest } from './paginators.js';
import { pathOf } from './paths.js';
import { below, type RestConnection } from './settings.js';
import {
  createWindowReader,
  windowPlaceSchema,
  type WindowPlace,
  type WindowReader,
} from './window-reader.js';

/**
 * Reads page after page. The cursor never passes the moment at which the read began, by the source's own clock: a record
 * that changes after its page was read must lie behind the cursor of the next read, whatever the order of the pages.
 *
 * @throws PipelineError SOURCE_*, CONFIG_INVALID
 */
export async function* readRest(
  connection: RestConnection,
  endpoint: RestEndpoint,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const window = restWindow(endpoint.incremental, request);
  const paginator = createPaginator(endpoint.paginator);
  const guard = createPageGuard('rest', endpoint.maximumPages);
  const from = resumeOf('rest', request, placeSchema) as RestPlace | undefined;
  const reader = createWindowReader('rest', window, request, from?.window);
  let ask: PageRequest | undefined =
    from === undefined
      ? paginator.first(firstRequest(connection, endpoint, window.params))
      : pageAt(connection, from);
  if (from !== undefined) paginator.resume?.(ask);
  while (ask !== undefined) {
    guard.refuseRepeat(`${ask.url.href} ${JSON.stringify(ask.json ?? null)}`);
    const response: HttpResponse = await send(connection, endpoint, ask, context.signal);
    const page = parsePage('rest', response.body);
    const found = recordsOf(page, endpoint.dataSelector);
    guard.take(response.body, found.length);
    context.heartbeat();
    const batch = reader.take(found, answeredAtMs(response.headers));
    ask = paginator.next({ request: ask, headers: response.headers, page, records: found });
    yield ask === undefined ? batch : { ...batch, resume: placeOf(ask, reader) };
    if (ask !== undefined) await pauseForRateLimit(response.headers, context.signal);
  }
  reader.finish();
}

/** The next page to ask for, without credentials. */
type RestPlace = { url: string; json?: JsonObject; window: WindowPlace };

const placeSchema = closedObject(
  { url: { type: 'string' }, json: { type: 'object' }, window: windowPlaceSchema },
  ['url', 'window'],
);

function placeOf({ url, json }: PageRequest, reader: WindowReader): RestPlace {
  return { url: url.href, ...(json !== undefined && { json }), window: reader.place() };
}

/** @throws PipelineError SOURCE_RESUME: credentials go to the origin of the connection alone */
function pageAt({ baseUrl }: RestConnection, { url: text, json }: RestPlace): PageRequest {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.origin !== baseUrl.origin) throw resumeFailure('rest', 'its place lies on another server');
  return { url, json };
}

/** One request below the base, with the credentials of the connection. */
export async function send(
  connection: RestConnection,
  { method = 'GET', headers = {} }: Pick<RestEndpoint, 'method' | 'headers'>,
  { url, json }: PageRequest,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const target = new URL(url);
  for (const [name, value] of Object.entries(connection.query)) target.searchParams.set(name, value);
  return httpRequest({
    source: 'rest',
    url: target,
    method,
    headers: {
      ...headers,
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...connection.headers,
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
    ...(connection.credentials !== undefined && { credentials: connection.credentials }),
    ...(connection.network !== undefined && { network: connection.network }),
    accept: 'application/json',
    signal,
  });
}

function firstRequest(
  connection: RestConnection,
  { path, params = {}, method, json }: RestEndpoint,
  bounds: Readonly<Record<string, string>>,
): PageRequest {
  const url = below(connection.baseUrl, path) as URL;
  for (const [name, value] of Object.entries({ ...params, ...bounds }))
    url.searchParams.set(name, String(value));
  return { url, json: method === 'POST' ? (json ?? {}) : undefined };
}

function recordsOf(page: JsonPage, selector: string | undefined): PageRecord[] {
  const path = pathOf(selector);
  const selected = memberAt(page.document, path);
  if (selected === null) return [];
  const isObject = typeof selected === 'object' && !Array.isArray(selected);
  return isObject
    ? [toRecord(sliceAt(page.body, path) as Uint8Array, selected)]
    : recordsAt('rest', page, path);
}
