import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  allProperties,
  associationAnswer,
  listAnswer,
  searchAnswer,
  type HubspotFixtureAnswer,
} from './hubspot-answers.js';
import { createHubspotState, type HubspotFixtureObject, type HubspotScript } from './hubspot-state.js';
import { answerWithFault, createFaultPlan, type ShopFault } from './shop-faults.js';
import { closeServer, listen, originOf } from './listen.js';

/** What can go wrong with one request: a 429 by one of HubSpot's limits, or what can go wrong with any server. */
export type HubspotFault =
  ShopFault | { readonly kind: 'limit'; readonly policyName: 'SECONDLY' | 'TEN_SECONDLY_ROLLING' | 'DAILY' };

/** Options of `createHubspotServer`; each has a default. */
export interface HubspotServerOptions extends Partial<HubspotScript> {
  readonly accessToken?: string;
  /** Seeded faults on about one request in six; default false. */
  readonly faults?: boolean;
  /** Results of one search that can be paged through; HubSpot's own is 10,000. */
  readonly searchMaxResults?: number;
  /** Requests, without searches, in a window, and its length. */
  readonly rateLimit?: { readonly requests: number; readonly windowMs: number };
}

/** A running fixture account. */
export interface HubspotServer {
  /** Origin; the `url` of a HubSpot connection. */
  readonly url: string;
  readonly accessToken: string;
  /** One step of the script: new, changed, imported and archived objects. */
  advance(): void;
  isDone(): boolean;
  /** Objects that are not archived, by id, with all their properties and the ids of associated companies. */
  truth(object: HubspotFixtureObject): readonly HubspotTruth[];
  /** Ids of archived objects. */
  archivedIds(object: HubspotFixtureObject): readonly string[];
  failNext(...faults: readonly HubspotFault[]): void;
  setFaults(isOn: boolean): void;
  requests(): readonly string[];
  close(): Promise<void>;
}

/** One object as it is now. */
export interface HubspotTruth {
  readonly id: string;
  readonly updatedAt: string;
  readonly properties: Readonly<Record<string, string | null>>;
  readonly companies: readonly string[];
}

const objectNames: readonly string[] = ['contacts', 'companies', 'deals', 'tickets'];

/**
 * Starts an HTTP server shaped as HubSpot's CRM API (lists, search, associations v4, account details) for tests and
 * demonstrations: seeded objects that change step by step, the limits with their headers and bodies, and faults on demand.
 */
export async function createHubspotServer(options: HubspotServerOptions = {}): Promise<HubspotServer> {
  const seed = options.seed ?? 1;
  const accessToken = options.accessToken ?? 'hubspot-fixture-token';
  const state = createHubspotState({
    seed,
    contacts: options.contacts ?? 60,
    imported: options.imported ?? 0,
    steps: options.steps ?? 10,
    stepMs: options.stepMs ?? 30_000,
    startAt: options.startAt ?? '2026-01-05T08:00:00Z',
  });
  const plan = createFaultPlan(seed, options.faults ?? false);
  const asked: HubspotFault[] = [];
  const limiter = createLimiter(options.rateLimit ?? { requests: 1_000, windowMs: 10_000 });
  const requests: string[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const url = new URL(request.url ?? '/', origin());
    const body = await bodyOf(request);
    if (request.headers.authorization !== `Bearer ${accessToken}`)
      return send(response, 401, {
        status: 'error',
        category: 'INVALID_AUTHENTICATION',
        message: 'unknown token',
      });
    const isSearch = url.pathname.endsWith('/search');
    const limit = isSearch ? undefined : limiter();
    if (limit?.isOver === true) return send(response, 429, policyBody('TEN_SECONDLY_ROLLING'), limit.headers);
    const fault = asked.shift() ?? plan.next();
    if (fault.kind === 'limit') return send(response, 429, policyBody(fault.policyName));
    if (fault.kind === 'rate-limit' && fault.retryAfter === undefined)
      return send(response, 429, policyBody('SECONDLY'));
    const found = distort(route(request.method ?? '', url, body), fault, url, requests.length);
    if (answerWithFault(fault, response, Buffer.from(JSON.stringify(found.body)))) return;
    send(response, found.status, found.body, limit?.headers);
  };
  const route = (method: string, url: URL, body: unknown): HubspotFixtureAnswer => {
    const { pathname } = url;
    if (method === 'GET' && pathname === '/account-info/v3/details')
      return { status: 200, body: { portalId: 62_515, timeZone: 'Europe/Paris', accountType: 'STANDARD' } };
    const [, name = '', search] = /^\/crm\/v3\/objects\/(\w+)(\/search)?$/.exec(pathname) ?? [];
    const pair = /^\/crm\/v4\/associations\/(\w+)\/(\w+)\/batch\/read$/.exec(pathname);
    if (pair !== null && method === 'POST') {
      const { inputs } = body as { inputs: { id: string; after?: string }[] };
      return associationAnswer(
        state,
        pair[1] as HubspotFixtureObject,
        pair[2] as HubspotFixtureObject,
        inputs,
      );
    }
    if (!objectNames.includes(name)) return { status: 404, body: { status: 'error', message: 'not found' } };
    const object = name as HubspotFixtureObject;
    return search === undefined
      ? listAnswer(state, object, url.searchParams)
      : searchAnswer(state, object, body as object, options.searchMaxResults ?? 10_000);
  };
  const server = createServer((request, response) => void answer(request, response));
  const origin = (): string => originOf(server);
  await listen(server);
  return {
    url: origin(),
    accessToken,
    advance: () => state.advance(),
    isDone: () => state.isDone(),
    truth: (object) =>
      state
        .records(object)
        .filter(({ archivedAtMs }) => archivedAtMs === undefined)
        .map((record) => ({
          id: record.id,
          updatedAt: new Date(record.updatedAtMs).toISOString(),
          properties: allProperties(object, record),
          companies: record.associations.companies ?? [],
        })),
    archivedIds: (object) =>
      state
        .records(object)
        .filter(({ archivedAtMs }) => archivedAtMs !== undefined)
        .map(({ id }) => id),
    failNext: (...faults) => void asked.push(...faults),
    setFaults: (isOn) => plan.setSeeded(isOn),
    requests: () => [...requests],
    close: () => closeServer(server),
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? {} : JSON.parse(text);
}

/** Pages that lead to themselves, or to empty ones for ever. */
function distort(
  answer: HubspotFixtureAnswer,
  fault: HubspotFault,
  url: URL,
  count: number,
): HubspotFixtureAnswer {
  if (fault.kind === 'loop')
    return {
      ...answer,
      body: { ...answer.body, paging: { next: { after: url.searchParams.get('after') ?? '0' } } },
    };
  if (fault.kind !== 'endless') return answer;
  return { status: 200, body: { total: 1, results: [], paging: { next: { after: String(count) } } } };
}

function policyBody(policyName: string): object {
  const limit = { SECONDLY: 'secondly', DAILY: 'daily' }[policyName] ?? 'ten_secondly_rolling';
  return {
    status: 'error',
    message: `You have reached your ${limit} limit.`,
    errorType: 'RATE_LIMIT',
    correlationId: '00000000-0000-4000-8000-000000000000',
    policyName,
  };
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json;charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

function createLimiter({ requests, windowMs }: { readonly requests: number; readonly windowMs: number }) {
  let startedAtMs = 0;
  let used = 0;
  return (): { readonly isOver: boolean; readonly headers: Record<string, string> } => {
    const nowMs = performance.now();
    if (nowMs >= startedAtMs + windowMs) [startedAtMs, used] = [nowMs, 0];
    used += 1;
    return {
      isOver: used > requests,
      headers: {
        'x-hubspot-ratelimit-daily': '250000',
        'x-hubspot-ratelimit-daily-remaining': '249000',
        'x-hubspot-ratelimit-interval-milliseconds': String(windowMs),
        'x-hubspot-ratelimit-max': String(requests),
        'x-hubspot-ratelimit-remaining': String(Math.max(0, requests - used)),
      },
    };
  };
}
