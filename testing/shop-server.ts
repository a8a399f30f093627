import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stringify } from 'lossless-json';
import { answerWithFault, createFaultPlan, type ShopFault } from './shop-faults.js';
import { createCostMeter, throttledAnswer, type CostBudget, type GraphqlBody } from './graphql-execution.js';
import { graphqlBodyOf } from './graphql-server.js';
import { createShopGraphql, type ShopGraphqlOptions } from './shop-graphql.js';
import { listPage, type ShopPage } from './shop-pages.js';
import { createShopState, type ShopScript } from './shop-state.js';
import type { ShopOrder } from './shop-orders.js';
import { closeServer, listen, originOf } from './listen.js';

/** Options of `createShopServer`; each has a default. */
export interface ShopServerOptions extends Partial<ShopScript>, ShopGraphqlOptions {
  readonly accessToken?: string;
  /** Seeded faults on about one request in six; default false. */
  readonly faults?: boolean;
  /** Bucket of calls (`X-Shopify-Shop-Api-Call-Limit`): its size and how many leak out in a second. */
  readonly callLimit?: { readonly size: number; readonly leakPerSecond: number };
  /** Points that GraphQL queries are paid from. */
  readonly costBudget?: CostBudget;
  /** Default 0: any free port. */
  readonly port?: number;
}

/** A running fixture shop. */
export interface ShopServer {
  /** Origin, such as `http://127.0.0.1:41234`; the `url` of a Shopify connection. */
  readonly url: string;
  readonly accessToken: string;
  /** One step of the shop's script: new, late, corrected and deleted orders. */
  advance(): void;
  isDone(): boolean;
  /** The orders that exist now, by id. After the last step: what a warehouse must hold in the end. */
  truth(): readonly ShopOrder[];
  /** Ids of the orders, or products, deleted so far. */
  deletedIds(type?: 'Order' | 'Product'): readonly bigint[];
  /** Ids of what the other streams hold now. */
  ids(stream: 'customers' | 'products' | 'refunds'): readonly bigint[];
  /** Status of each bulk operation so far. */
  bulkStatuses(): readonly string[];
  /** Faults for the next requests, in order; `{ kind: 'none' }` lets one pass. */
  failNext(...faults: readonly ShopFault[]): void;
  setFaults(isOn: boolean): void;
  /** Paths with query of all requests so far. */
  requests(): readonly string[];
  /** GraphQL queries so far, with their variables. */
  questions(): readonly GraphqlBody[];
  close(): Promise<void>;
}

/**
 * Starts an HTTP server shaped as Shopify's REST Admin API (orders, destroy events, shop) and GraphQL Admin API (orders,
 * customers, products, refunds, events, bulk operations with their files) for tests and demonstrations: seeded objects
 * that change step by step, the same for both APIs, a token, a call limit, a budget of points, and faults on demand.
 */
export async function createShopServer(options: ShopServerOptions = {}): Promise<ShopServer> {
  const seed = options.seed ?? 1;
  const accessToken = options.accessToken ?? 'shop-fixture-token';
  const state = createShopState({
    seed,
    orders: options.orders ?? 200,
    steps: options.steps ?? 10,
    stepMs: options.stepMs ?? 30_000,
    lateByMaxMs: options.lateByMaxMs ?? 100_000,
    startAt: options.startAt ?? '2026-01-05T08:00:00Z',
  });
  const faults = createFaultPlan(seed, options.faults ?? false);
  const bucket = createBucket(options.callLimit ?? { size: 40, leakPerSecond: 100 });
  const requests: string[] = [];
  const questions: GraphqlBody[] = [];

  const meter = createCostMeter(options.costBudget ?? { maximumAvailable: 2_000, restoreRate: 10_000 });
  const graphql = createShopGraphql(state, options, () => origin());

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push(request.url ?? '');
    const url = new URL(request.url ?? '/', origin());
    const file = graphql.file(url.pathname);
    if (file !== undefined) return sendFile(request, response, file, faults.next());
    const isQuery = url.pathname.endsWith('/graphql.json');
    const refusal = refuse(request, url, accessToken, isQuery);
    if (refusal !== undefined) return answer(response, refusal.status, { errors: refusal.reason }, {});
    if (isQuery) return answerQuery(request, response);
    const used = bucket.take();
    const limit = { 'x-shopify-shop-api-call-limit': `${used}/${bucket.size}` };
    if (used > bucket.size)
      return answer(response, 429, { errors: 'too many calls' }, { ...limit, 'retry-after': '1' });
    const fault = faults.next();
    const page = pageFor(url);
    if (page === undefined) return answer(response, 404, { errors: 'not found' }, limit);
    if ('errors' in page) return answer(response, 400, page, limit);
    const link = linkHeader(url, fault, page, requests.length);
    const body = Buffer.from(stringify(page.body) ?? '');
    if (answerWithFault(fault, response, body)) return;
    answer(response, 200, page.body, { ...limit, ...(link !== undefined && { link }) });
  };
  const answerQuery = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await graphqlBodyOf(request);
    questions.push(body);
    const { cost, isThrottled } = meter(body);
    const fault = faults.next();
    // Shopify tells a limit of GraphQL with status 200.
    if (isThrottled || (fault.kind === 'rate-limit' && fault.retryAfter === undefined))
      return answer(response, 200, throttledAnswer(cost), {});
    const distortion = {
      isLoop: fault.kind === 'loop',
      isEndless: fault.kind === 'endless',
      count: requests.length,
    };
    const result = { ...(await graphql.execute(body, distortion)), extensions: { cost } };
    if (answerWithFault(fault, response, Buffer.from(JSON.stringify(result)))) return;
    answer(response, 200, result, {});
  };
  const server = createServer((request, response) => void handle(request, response));

  const origin = (): string => originOf(server);
  const pageFor = (url: URL): ShopPage | { readonly errors: string } | undefined => {
    const resource = /^\/admin\/api\/(?:\d{4}-\d{2}|unstable)\/(\w+)\.json$/.exec(url.pathname)?.[1];
    if (resource === 'shop')
      return { body: { shop: { id: 690_933_842n, name: 'Fixture Records' } }, next: undefined };
    return resource === undefined ? undefined : listPage(state, resource, url.searchParams);
  };

  await listen(server, options.port);
  const url = origin();
  return {
    url,
    accessToken,
    advance: () => state.advance(),
    isDone: () => state.isDone(),
    truth: () => [...state.orders.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    deletedIds: (type = 'Order') =>
      state.deletions.filter(({ subject_type }) => subject_type === type).map(({ subject_id }) => subject_id),
    failNext: (...asked) => faults.queue(asked),
    setFaults: (isOn) => faults.setSeeded(isOn),
    ids: (stream) =>
      stream === 'refunds'
        ? [...state.refunds]
            .filter(([id]) => state.orders.has(id))
            .flatMap(([, list]) => list.map(({ id }) => id))
        : [...state[stream].keys()],
    bulkStatuses: () => graphql.bulkStatuses(),
    requests: () => [...requests],
    questions: () => [...questions],
    close: () => closeServer(server),
  };
}

function refuse(request: IncomingMessage, url: URL, accessToken: string, isQuery: boolean) {
  if (request.headers['x-shopify-access-token'] !== accessToken)
    return { status: 401, reason: 'unknown token' };
  if (request.method !== (isQuery ? 'POST' : 'GET'))
    return { status: 405, reason: 'another method is needed' };
  const isPageWithFilters =
    url.searchParams.has('page_info') &&
    [...url.searchParams.keys()].some((key) => !['page_info', 'limit'].includes(key));
  return isPageWithFilters ? { status: 400, reason: 'page_info allows no other filter' } : undefined;
}

/** A bulk file: signed by its address, so that it takes no token; a part of it for a range. */
function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: Uint8Array,
  fault: ShopFault,
): void {
  if (request.headers['x-shopify-access-token'] !== undefined)
    return answer(response, 400, { errors: 'a file takes no token' }, {});
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const part = file.subarray(from);
  if (answerWithFault(fault, response, file)) return;
  response.writeHead(from > 0 ? 206 : 200, {
    'content-type': 'application/jsonl',
    'content-length': part.length,
    ...(from > 0 && {
      'content-range': `bytes ${String(from)}-${String(file.length - 1)}/${String(file.length)}`,
    }),
  });
  response.end(part);
}

function linkHeader(url: URL, fault: ShopFault, page: ShopPage, pages: number): string | undefined {
  if (fault.kind === 'loop') return `<${url.href}>; rel="next"`;
  const pageInfo = fault.kind === 'endless' ? `endless-${pages}` : page.next;
  if (pageInfo === undefined) return undefined;
  const next = new URL(url.pathname, url.origin);
  const limit = url.searchParams.get('limit');
  if (limit !== null) next.searchParams.set('limit', limit);
  next.searchParams.set('page_info', pageInfo);
  return `<${next.href}>; rel="next"`;
}

function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string>,
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(stringify(body));
}

function createBucket({ size, leakPerSecond }: { readonly size: number; readonly leakPerSecond: number }) {
  let level = 0;
  let atMs = performance.now();
  return {
    size,
    /** The level with this call in it, rounded up. */
    take(): number {
      const nowMs = performance.now();
      level = Math.max(0, level - ((nowMs - atMs) / 1000) * leakPerSecond);
      atMs = nowMs;
      if (level + 1 > size) return size + 1;
      level += 1;
      return Math.ceil(level);
    },
  };
}
