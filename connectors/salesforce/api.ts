import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { RateTelling } from '../../core/rates/rate-state.js';
import {
  answeredAtMs,
  httpRequest,
  protocolFailure,
  type HttpRequest,
  type HttpResponse,
} from '../http/index.js';
import { parsePage, type JsonPage } from '../json-page.js';
import { explainRefusal } from './refusal.js';
import type { SalesforceConnection } from './settings.js';

/** An answer, and the moment by Salesforce's clock at which it was given. */
export interface SalesforceAnswer extends JsonPage {
  readonly answeredAtMs: number;
}

/** Salesforce's REST API. Paths begin below `/services/data/v<version>/`. @throws PipelineError SOURCE_* */
export interface SalesforceApi {
  /** Host of the org. */
  readonly host: string;
  get(path: string, options?: GetOptions): Promise<SalesforceAnswer>;
  /** The page that an answer named as its next one. */
  next(nextRecordsUrl: string, options?: GetOptions): Promise<SalesforceAnswer>;
  post(path: string, body: object): Promise<SalesforceAnswer>;
  csv(path: string, query: Readonly<Record<string, string>>): Promise<HttpResponse>;
  patch(path: string, body: object): Promise<void>;
  remove(path: string): Promise<void>;
}

interface GetOptions {
  readonly query?: Readonly<Record<string, string>>;
  /** Records of a page. */
  readonly batchSize?: number;
}

/**
 * One session with an org. Where the connection names no address, the login does.
 *
 * @throws PipelineError CONFIG_INVALID where neither does, OAUTH_*, SECRET_*
 */
export async function openSalesforce(
  connection: SalesforceConnection,
  signal: AbortSignal,
): Promise<SalesforceApi> {
  const { credentials, accessToken, apiVersion } = connection;
  const instance = connection.url ?? (await credentials?.instanceUrl?.(signal));
  if (instance === undefined)
    throw new PipelineError('CONFIG_INVALID', {
      problems: [
        'connection.url is missing, and the login names no instance_url; give the address of your My Domain',
      ],
    });
  const root = `/services/data/v${apiVersion}`;
  const refuseSpent = createReserve(connection.apiReservePercent);
  const ask = async (request: Pick<HttpRequest, 'url' | 'method' | 'body' | 'accept' | 'headers'>) => {
    refuseSpent();
    const response = await httpRequest({
      source: 'salesforce',
      timeoutMs: limits.salesforceRequestTimeoutMs,
      explainRefusal,
      rate: { telling: ({ headers }) => tellingOf(headers, connection.apiReservePercent) },
      signal,
      ...request,
      headers: {
        ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }),
        ...(request.body !== undefined && { 'content-type': 'application/json' }),
        ...request.headers,
      },
      ...(credentials !== undefined && { credentials }),
    });
    refuseSpent.learn(response.headers);
    return response;
  };
  const json = async (...[request]: Parameters<typeof ask>): Promise<SalesforceAnswer> => {
    const response = await ask({ ...request, accept: 'application/json' });
    return { ...parsePage('salesforce', response.body), answeredAtMs: answeredAtMs(response.headers) };
  };
  const urlOf = (path: string, query: Readonly<Record<string, string>> = {}): URL => {
    const url = new URL(`${root}/${path}`, instance);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  };
  return {
    host: instance.host,
    get: (path, { query, batchSize } = {}) => json({ url: urlOf(path, query), headers: pageOf(batchSize) }),
    next: (nextRecordsUrl, { batchSize } = {}) => {
      // The path alone is taken, and only one of queries: an answer must not send the token elsewhere.
      if (!/^\/services\/data\/v[0-9.]+\/(query|queryAll)\/[A-Za-z0-9-]+$/.test(nextRecordsUrl))
        throw protocolFailure('salesforce', 'the address of the next page is none of a query');
      return json({ url: new URL(nextRecordsUrl, instance), headers: pageOf(batchSize) });
    },
    post: (path, body) => json({ url: urlOf(path), method: 'POST', body: JSON.stringify(body) }),
    csv: (path, query) => ask({ url: urlOf(path, query), accept: 'text/csv' }),
    patch: async (path, body) => {
      await ask({ url: urlOf(path), method: 'PATCH', body: JSON.stringify(body) });
    },
    remove: async (path) => {
      await ask({ url: urlOf(path), method: 'DELETE' });
    },
  };
}

function pageOf(batchSize: number | undefined): Record<string, string> {
  return batchSize === undefined ? {} : { 'sforce-query-options': `batchSize=${String(batchSize)}` };
}

/** Requests of the last 24 hours and how many there may be, by the header of an answer; `undefined` where it has none. */
export function apiUsage(headers: Headers): { readonly used: number; readonly total: number } | undefined {
  const found = /(?:^|[,;\s])api-usage=(\d+)\/(\d+)/.exec(headers.get('sforce-limit-info') ?? '');
  return found === null ? undefined : { used: Number(found[1]), total: Number(found[2]) };
}

/** What is left of the last 24 hours beside the reserve; the hour in which it grows again is not told, so it holds for a while. */
function tellingOf(headers: Headers, reservePercent: number): RateTelling | undefined {
  const usage = apiUsage(headers);
  if (usage === undefined) return undefined;
  const remaining = Math.max(0, Math.floor(usage.total * (1 - reservePercent / 100)) - usage.used);
  return { remaining, resetsInMs: limits.retryAfterMaxMs };
}

/** Stops before the share of the org's requests that is left to others. */
function createReserve(reservePercent: number) {
  let isSpent = false;
  const refuseSpent = (): void => {
    if (!isSpent) return;
    const retryAfterMs = limits.retryAfterMaxMs;
    throw new PipelineError('SOURCE_RATE_LIMITED', { source: 'salesforce', retryAfterMs }, { retryAfterMs });
  };
  const learn = (headers: Headers): void => {
    const usage = apiUsage(headers);
    if (usage !== undefined) isSpent = usage.used >= usage.total * (1 - reservePercent / 100);
  };
  return Object.assign(refuseSpent, { learn });
}
