import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stringify } from 'lossless-json';
import { listRestPage, type RestPage, type RestQuery } from './rest-pages.js';
import { createRestRecords, type RestRecord } from './rest-records.js';
import { answerWithFault, createFaultPlan, type ShopFault } from './shop-faults.js';
import { closeServer, listen, originOf } from './listen.js';

/** Options of `createRestServer`; each has a default. */
export interface RestServerOptions {
  readonly seed?: number;
  /** Records at the start. */
  readonly records?: number;
  /** Greatest page that the server gives, whatever is asked for. */
  readonly pageMaxRecords?: number;
  /** Taken as bearer token, as password of `user`, as header `x-api-key` and as query parameter `api_key`. */
  readonly token?: string;
  /** Seeded faults on about one request in six; default false. */
  readonly faults?: boolean;
  /** `x-ratelimit-*`: requests in a window and its length; more get 429 without `Retry-After`. */
  readonly rateLimit?: { readonly requests: number; readonly windowMs: number };
}

/** A running fixture API. */
export interface RestServer {
  /** Origin; resources lie at `/v1/<paginator>`: `single_page`, `header_link`, `json_link`, `offset`, `page_number`, `cursor`. */
  readonly url: string;
  readonly token: string;
  truth(): readonly RestRecord[];
  /** Changes some records and adds some, all newer than what is there. */
  advance(): void;
  failNext(...faults: readonly ShopFault[]): void;
  requests(): readonly string[];
  close(): Promise<void>;
}

/**
 * Starts an HTTP API that gives the same records by each way of paging, with bounds `since` and `until` (ISO 8601, or
 * seconds or milliseconds since 1970 with `unit=s` or `unit=ms`), credentials, a rate limit, and faults on demand.
 */
export async function createRestServer(options: RestServerOptions = {}): Promise<RestServer> {
  const seed = options.seed ?? 1;
  const token = options.token ?? 'rest-fixture-token';
  const records = createRestRecords(seed, options.records ?? 50);
  const faults = createFaultPlan(seed, options.faults ?? false);
  const limiter = createLimiter(options.rateLimit);
  const requests: string[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push(request.url ?? '');
    const url = new URL(request.url ?? '/', origin());
    if (!isKnown(request, url, token)) return send(response, 401, { error: 'unknown credentials' });
    const limit = limiter();
    if (limit.isOver) return send(response, 429, { error: 'too many requests' }, limit.headers);
    const query = await queryOf(request, url);
    const fault = faults.next();
    const page = listRestPage(records.all(), query, {
      pageMaxRecords: options.pageMaxRecords ?? 10,
      isLoop: fault.kind === 'loop',
      isEndless: fault.kind === 'endless',
      count: requests.length,
    });
    if (page === undefined) return send(response, 404, { error: 'not found' }, limit.headers);
    if (answerWithFault(fault, response, Buffer.from(stringify(page.body) ?? ''))) return;
    send(response, 200, page.body, { ...limit.headers, ...linkOf(page) });
  };
  const server = createServer((request, response) => void answer(request, response));
  const origin = (): string => originOf(server);
  await listen(server);
  return {
    url: origin(),
    token,
    truth: () => records.all(),
    advance: () => records.advance(),
    failNext: (...asked) => faults.queue(asked),
    requests: () => [...requests],
    close: () => closeServer(server),
  };
}

function isKnown({ headers }: IncomingMessage, url: URL, token: string): boolean {
  const basic = `Basic ${Buffer.from(`user:${token}`).toString('base64')}`;
  return (
    [`Bearer ${token}`, basic].includes(headers.authorization ?? '') ||
    headers['x-api-key'] === token ||
    url.searchParams.get('api_key') === token
  );
}

async function queryOf(request: IncomingMessage, url: URL): Promise<RestQuery> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  const { page } = (text === '' ? {} : JSON.parse(text)) as { page?: { after?: string } };
  return { url, resource: /^\/v1\/(\w+)$/.exec(url.pathname)?.[1] ?? '', bodyCursor: page?.after };
}

function linkOf({ link }: RestPage): Record<string, string> {
  return link === undefined ? {} : { link: `<${link}>; rel="next"` };
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(stringify(body));
}

function createLimiter(rateLimit: RestServerOptions['rateLimit']) {
  let startedAtMs = 0;
  let used = 0;
  return (): { readonly isOver: boolean; readonly headers: Record<string, string> } => {
    if (rateLimit === undefined) return { isOver: false, headers: {} };
    const nowMs = Date.now();
    if (nowMs >= startedAtMs + rateLimit.windowMs) [startedAtMs, used] = [nowMs, 0];
    used += 1;
    const resetMs = startedAtMs + rateLimit.windowMs;
    return {
      isOver: used > rateLimit.requests,
      headers: {
        'x-ratelimit-limit': String(rateLimit.requests),
        'x-ratelimit-remaining': String(Math.max(0, rateLimit.requests - used)),
        'x-ratelimit-reset': String(resetMs),
      },
    };
  };
}
