import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../core/limits.js';
import { answeredAtMs, httpRequest, type RequestRate } from '../http/index.js';
import { parsePage, type JsonPage } from '../json-page.js';
import type { HubspotConnection } from './settings.js';

/** An answer, and the moment by HubSpot's clock at which it was given. */
export interface HubspotAnswer extends JsonPage {
  readonly answeredAtMs: number;
}

/** HubSpot's HTTP API, as fast as its limits allow. @throws PipelineError SOURCE_* */
export interface HubspotApi {
  get(path: string, query?: Readonly<Record<string, string>>): Promise<HubspotAnswer>;
  /** A question with a body. Searches have a limit of their own, and no headers that tell of it. */
  post(path: string, body: object): Promise<HubspotAnswer>;
}

/** What a 429 says in its body (HubSpot documentation, "API usage guidelines"; the same names in its own client). */
const waitsMs: Readonly<Record<string, number>> = {
  SECONDLY: 1_000,
  TEN_SECONDLY_ROLLING: 10_000,
  // Ends at midnight of the account's time zone, which is not told: asked again every quarter of an hour.
  DAILY: limits.retryAfterMaxMs,
};

/** How long a 429 asks to wait; `undefined` where its body does not say which limit it was. */
export function policyWaitMs(body: string): number | undefined {
  try {
    const { policyName } = JSON.parse(body) as { policyName?: unknown };
    return typeof policyName === 'string' ? waitsMs[policyName] : undefined;
  } catch {
    return undefined;
  }
}

/** How long to wait before the next request, so that it is not refused: a limit with nothing left, by its headers. */
export function spentLimitWaitMs(headers: Headers): number {
  const isSpent = (name: string): boolean => headers.get(`x-hubspot-ratelimit-${name}`)?.trim() === '0';
  const intervalMs = Number(headers.get('x-hubspot-ratelimit-interval-milliseconds') ?? '10000');
  if (isSpent('remaining')) return Math.min(intervalMs, limits.rateLimitPauseMaxMs) || 0;
  return isSpent('secondly-remaining') ? 1_000 : 0;
}

/** Searches of an account have a limit of their own, and headers that do not tell of it. */
const searches: RequestRate = {
  bucket: 'searches',
  rules: [{ units: limits.hubspotSearchesPerSecond, perMs: 1_000 }],
};

/** One session with an account. */
export function createHubspotApi(connection: HubspotConnection, signal: AbortSignal): HubspotApi {
  let mayAskAtMs = 0;
  const ask = async (
    path: string,
    query: Readonly<Record<string, string>>,
    body?: object,
  ): Promise<HubspotAnswer> => {
    const waitMs = mayAskAtMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    const url = new URL(path, connection.baseUrl);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const isSearch = path.endsWith('/search');
    const response = await httpRequest({
      source: 'hubspot',
      url,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(connection.accessToken !== undefined && { authorization: `Bearer ${connection.accessToken}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(connection.credentials !== undefined && { credentials: connection.credentials }),
      ...(body !== undefined && { body: JSON.stringify(body) }),
      accept: 'application/json',
      ...(isSearch && { rate: searches }),
      rateLimitWaitMs: (_headers, text) => policyWaitMs(text),
      signal,
    });
    const pauseMs = Math.max(spentLimitWaitMs(response.headers), isSearch ? limits.hubspotSearchEveryMs : 0);
    mayAskAtMs = performance.now() + pauseMs;
    return { ...parsePage('hubspot', response.body), answeredAtMs: answeredAtMs(response.headers) };
  };
  return { get: (path, query = {}) => ask(path, query), post: (path, body) => ask(path, {}, body) };
}
