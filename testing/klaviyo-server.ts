import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { klaviyoCollection, type KlaviyoAnswer, type KlaviyoDistortion } from './klaviyo-answers.js';
import {
  createKlaviyoState,
  type KlaviyoFixtureEvent,
  type KlaviyoFixtureProfile,
  type KlaviyoScript,
} from './klaviyo-state.js';
import { closeServer, listen, originOf } from './listen.js';
import { answerWithFault, createFaultPlan, type ShopFault } from './shop-faults.js';

/** What can go wrong with one request: the last record of the page comes twice, or what can go wrong with any server. */
export type KlaviyoFault = ShopFault | { readonly kind: 'duplicate' };

/** Options of `createKlaviyoServer`; each has a default. */
export interface KlaviyoServerOptions extends Partial<KlaviyoScript> {
  /** Taken as private key, and as access token of a login. */
  readonly apiKey?: string;
  /** Seeded faults on about one request in six; default false. */
  readonly faults?: boolean;
  /** Requests in a window (the steady limit), and its length; a 429 has `Retry-After`, the others tell what is left. */
  readonly rateLimit?: { readonly requests: number; readonly windowMs: number };
}

/** A running fixture account. */
export interface KlaviyoServer {
  /** Origin; the `url` of a Klaviyo connection. */
  readonly url: string;
  readonly apiKey: string;
  /** One step of the script: new and changed profiles, new events, some of them told late. */
  advance(): void;
  isDone(): boolean;
  profiles(): readonly KlaviyoFixtureProfile[];
  events(): readonly KlaviyoFixtureEvent[];
  failNext(...faults: readonly KlaviyoFault[]): void;
  requests(): readonly string[];
  close(): Promise<void>;
}

/**
 * Starts an HTTP server shaped as Klaviyo's API (profiles, events with what they include, accounts) for tests and
 * demonstrations: seeded records that change step by step, paging by cursor, the limits with their headers, and faults on
 * demand. A request without a `revision` is refused.
 */
export async function createKlaviyoServer(options: KlaviyoServerOptions = {}): Promise<KlaviyoServer> {
  const seed = options.seed ?? 1;
  const apiKey = options.apiKey ?? 'pk_fixture';
  const state = createKlaviyoState({
    seed,
    profiles: options.profiles ?? 60,
    steps: options.steps ?? 10,
    stepMs: options.stepMs ?? 30_000,
    startAt: options.startAt ?? '2026-01-05T08:00:00Z',
  });
  const plan = createFaultPlan(seed, options.faults ?? false);
  const asked: KlaviyoFault[] = [];
  const limiter = createLimiter(options.rateLimit ?? { requests: 700, windowMs: 60_000 });
  const requests: string[] = [];

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(request.url ?? '');
    const url = new URL(request.url ?? '/', origin());
    if (![`Klaviyo-API-Key ${apiKey}`, `Bearer ${apiKey}`].includes(request.headers.authorization ?? ''))
      return send(response, { status: 401, body: { errors: [{ code: 'not_authenticated' }] } });
    if (!/^\d{4}-\d{2}-\d{2}$/.test(String(request.headers['revision'])))
      return send(response, { status: 400, body: { errors: [{ code: 'missing_revision' }] } });
    const limit = limiter();
    if (limit.isOver)
      return send(response, { status: 429, body: { errors: [{ code: 'throttled' }] } }, limit.headers);
    const fault = asked.shift() ?? plan.next();
    const answer = route(url, {
      isLoop: fault.kind === 'loop',
      isEndless: fault.kind === 'endless',
      isDuplicate: fault.kind === 'duplicate',
      count: requests.length,
    });
    if (fault.kind !== 'duplicate' && fault.kind !== 'none') {
      const body = Buffer.from(JSON.stringify(answer.body));
      if (answerWithFault(fault, response, body, { 'content-type': mediaType })) return;
    }
    send(response, answer, limit.headers);
  };
  const route = (url: URL, distortion: KlaviyoDistortion): KlaviyoAnswer => {
    const name = /^\/api\/(\w+)\/?$/.exec(url.pathname)?.[1];
    if (name === 'accounts')
      return { status: 200, body: { data: [{ type: 'account', id: 'FxTr62', attributes: {} }] } };
    if (name === 'profiles' || name === 'events') return klaviyoCollection(state, name, url, distortion);
    return { status: 404, body: { errors: [{ code: 'not_found' }] } };
  };
  const server = createServer(handle);
  const origin = (): string => originOf(server);
  await listen(server);
  return {
    url: origin(),
    apiKey,
    advance: () => state.advance(),
    isDone: () => state.isDone(),
    profiles: () => [...state.profiles.values()],
    events: () => [...state.events],
    failNext: (...faults) => void asked.push(...faults),
    requests: () => [...requests],
    close: () => closeServer(server),
  };
}

const mediaType = 'application/vnd.api+json';

function send(
  response: ServerResponse,
  { status, body }: KlaviyoAnswer,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': mediaType, ...headers });
  response.end(JSON.stringify(body));
}

function createLimiter({ requests, windowMs }: { readonly requests: number; readonly windowMs: number }) {
  let startedAtMs = Number.NEGATIVE_INFINITY;
  let used = 0;
  return (): { readonly isOver: boolean; readonly headers: Record<string, string> } => {
    const nowMs = performance.now();
    if (nowMs >= startedAtMs + windowMs) [startedAtMs, used] = [nowMs, 0];
    used += 1;
    const resetSeconds = String(Math.ceil((windowMs - (nowMs - startedAtMs)) / 1000));
    if (used > requests) return { isOver: true, headers: { 'retry-after': resetSeconds } };
    return {
      isOver: false,
      headers: {
        'ratelimit-limit': String(requests),
        'ratelimit-remaining': String(requests - used),
        'ratelimit-reset': resetSeconds,
      },
    };
  };
}
