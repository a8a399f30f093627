import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import {
  answeredAtMs,
  httpRequest,
  pauseForRateLimit,
  protocolFailure,
  type Credentials,
  type PublicNetwork,
  type RequestRate,
} from '../http/index.js';
import { memberAt, parsePage, type JsonPage } from '../json-page.js';
import { costWaitMs, queryCostOf, tellingOfCost, type QueryCost } from './cost.js';
import { graphqlFailure } from './failure.js';

/** Where queries go, and with which credentials. */
export interface GraphqlTarget {
  /** The connector's name, for messages. */
  readonly source: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials?: Credentials;
  readonly network?: PublicNetwork;
  /** Whether queries are paid in points, which answers tell as Shopify does. */
  readonly hasCosts?: boolean;
}

/** What to ask. */
export interface GraphqlQuestion {
  readonly query: string;
  readonly variables?: JsonObject;
  readonly operationName?: string;
}

/** An answer without errors, and the moment by the source's clock at which it was given. */
export interface GraphqlAnswer extends JsonPage {
  readonly answeredAtMs: number;
}

/** A GraphQL API, as fast as its limits allow. @throws PipelineError SOURCE_* */
export type GraphqlApi = (question: GraphqlQuestion) => Promise<GraphqlAnswer>;

/** A query counts what the one before it cost, until its own answer tells. */
function pointsOf(units: number, cost: () => QueryCost | undefined): RequestRate {
  return {
    bucket: 'points',
    units,
    telling: () => {
      const told = cost();
      return told && tellingOfCost(told);
    },
    cost: () => cost()?.actual,
  };
}

/**
 * One session with an API. An answer that tells errors is one, data beside them or not. Before a query that the budget
 * of points cannot pay yet, it waits until it can.
 */
export function createGraphqlApi(target: GraphqlTarget, signal: AbortSignal): GraphqlApi {
  const { source, credentials } = target;
  let mayAskAtMs = 0;
  let lastCost = 1;
  return async (question) => {
    const waitMs = mayAskAtMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
    let page: JsonPage | undefined;
    const response = await httpRequest({
      source,
      url: target.url,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...target.headers },
      ...(credentials !== undefined && { credentials }),
      ...(target.network !== undefined && { network: target.network }),
      body: JSON.stringify(question),
      accept: 'application/json',
      signal,
      ...(target.hasCosts === true && { rate: pointsOf(lastCost, () => queryCostOf(page?.document)) }),
      refuse: ({ body }) => {
        page = parsePage(source, body);
        return graphqlFailure(source, credentials?.connection, page.document);
      },
    });
    const { body, document } = page as unknown as JsonPage;
    const data = memberAt(document, ['data']);
    if (typeof data !== 'object' || data === null)
      throw protocolFailure(source, 'the answer has neither data nor errors');
    const cost = queryCostOf(document);
    lastCost = cost?.requested ?? lastCost;
    const pauseMs = cost === undefined ? 0 : costWaitMs(cost);
    mayAskAtMs = performance.now() + Math.min(pauseMs, limits.rateLimitPauseMaxMs);
    await pauseForRateLimit(response.headers, signal);
    return { body, document, answeredAtMs: answeredAtMs(response.headers) };
  };
}
