import { cursorNotAfter, laterCursor } from '../cursor.js';
import {
  answeredAtMs,
  httpRequest,
  pauseForRateLimit,
  protocolFailure,
  type HttpResponse,
} from '../http/index.js';
import { memberAt, parsePage, recordsAt, toRecord, type JsonPage, type PageRecord } from '../json-page.js';
import { sliceAt, toLine } from '../json-slices.js';
import { createPageGuard } from '../page-guard.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { restWindow } from './incremental.js';
import type { RestEndpoint } from './options.js';
import { createPaginator, type PageRequest } from './paginators.js';
import { pathOf } from './paths.js';
import { below, type RestConnection } from './settings.js';
import { lineBatch } from '../line-batch.js';

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
  let cursor = request.cursor;
  let beganAtMs: number | undefined;
  let records = 0;
  let withCursor = 0;
  let ask: PageRequest | undefined = paginator.first(firstRequest(connection, endpoint, window.params));
  while (ask !== undefined) {
    guard.refuseRepeat(`${ask.url.href} ${JSON.stringify(ask.json ?? null)}`);
    const response: HttpResponse = await send(connection, endpoint, ask, context.signal);
    beganAtMs ??= answeredAtMs(response.headers);
    const page = parsePage('rest', response.body);
    const found = recordsOf(page, endpoint.dataSelector);
    guard.take(response.body, found.length);
    const lines: Uint8Array[] = [];
    for (const record of found) {
      const value = window.cursorOf(record);
      records += 1;
      if (value !== undefined) withCursor += 1;
      if (!window.isWanted(value)) continue;
      lines.push(toLine(record.bytes));
      cursor = laterCursor(cursor, window.isInstant ? cursorNotAfter(value, beganAtMs) : value);
    }
    context.heartbeat();
    yield lineBatch('rows', lines, cursor);
    ask = paginator.next({ request: ask, headers: response.headers, page, recordCount: found.length });
    if (ask !== undefined) await pauseForRateLimit(response.headers, context.signal);
  }
  // Of a first read only: later it would stop good records for a bad one, which the schema check sets aside.
  const isFirst = request.cursor === undefined && request.interval === undefined;
  if (isFirst && window.cursorPath !== undefined && records > 0 && withCursor === 0)
    throw protocolFailure('rest', `no record has a cursor at "${window.cursorPath}" that can be read`);
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
