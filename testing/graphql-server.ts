import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stringify } from 'lossless-json';
import {
  createCostMeter,
  executeGraphql,
  throttledAnswer,
  type CostBudget,
  type GraphqlBody,
  type GraphqlResult,
} from './graphql-execution.js';
import { createItemSchema, itemResolvers } from './graphql-schema.js';
import { closeServer, listen, originOf } from './listen.js';
import { createRestRecords, type RestRecord } from './rest-records.js';
import { answerWithFault, createFaultPlan, type ShopFault } from './shop-faults.js';

/** What can go wrong with one query: what GraphQL tells in its answer, or what can go wrong with any server. */
export type GraphqlFault =
  | ShopFault
  /** An answer with this error and nothing else, or with data beside it. */
  | { readonly kind: 'error'; readonly code: string; readonly withData?: boolean }
  /** The last record of the page comes twice. */
  | { readonly kind: 'duplicate' };

/** Options of `createGraphqlServer`; each has a default. */
export interface GraphqlServerOptions {
  readonly seed?: number;
  /** Records at the start. */
  readonly records?: number;
  /** Greatest page that the server gives, whatever is asked for. */
  readonly pageMaxRecords?: number;
  readonly token?: string;
  /** Seeded faults on about one request in six; default false. */
  readonly faults?: boolean;
  /** Points that queries are paid from, told in `extensions.cost`; queries beyond it are throttled. */
  readonly budget?: CostBudget;
}

/** A running fixture API. */
export interface GraphqlServer {
  /** Origin; the API lies at `/graphql`: a Relay connection `items` and a list `list`, both with `since` and `until`. */
  readonly url: string;
  /** Taken as bearer token. */
  readonly token: string;
  truth(): readonly RestRecord[];
  /** Changes some records and adds some, all newer than what is there. */
  advance(): void;
  failNext(...faults: readonly GraphqlFault[]): void;
  /** Queries so far, with their variables. */
  questions(): readonly GraphqlBody[];
  close(): Promise<void>;
}

/**
 * Starts a GraphQL API over HTTP that executes queries by a real schema, with a token, a budget of points, and faults on
 * demand.
 */
export async function createGraphqlServer(options: GraphqlServerOptions = {}): Promise<GraphqlServer> {
  const seed = options.seed ?? 1;
  const token = options.token ?? 'graphql-fixture-token';
  const records = createRestRecords(seed, options.records ?? 50);
  const schema = createItemSchema();
  const plan = createFaultPlan(seed, options.faults ?? false);
  const asked: GraphqlFault[] = [];
  const meter = options.budget === undefined ? undefined : createCostMeter(options.budget);
  const questions: GraphqlBody[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.headers.authorization !== `Bearer ${token}`)
      return send(response, 401, { errors: [{ message: 'unknown token' }] });
    if (request.url !== '/graphql' || request.method !== 'POST') return send(response, 404, { errors: [] });
    const body = await graphqlBodyOf(request);
    questions.push(body);
    const spent = meter?.(body);
    if (spent?.isThrottled === true) return send(response, 200, throttledAnswer(spent.cost));
    const fault = asked.shift() ?? plan.next();
    const rules = {
      pageMaxRecords: options.pageMaxRecords ?? 10,
      isLoop: fault.kind === 'loop',
      isEndless: fault.kind === 'endless',
      isDuplicate: fault.kind === 'duplicate',
      count: questions.length,
    };
    const result = {
      ...(await executeGraphql(schema, itemResolvers(records.all(), rules), body)),
      ...(spent !== undefined && { extensions: { cost: spent.cost } }),
    };
    if (fault.kind === 'error') return send(response, 200, withError(result, fault));
    if (fault.kind !== 'duplicate' && answerWithFault(fault, response, Buffer.from(stringify(result) ?? '')))
      return;
    send(response, 200, result);
  };
  const server = createServer((request, response) => void answer(request, response));
  await listen(server);
  return {
    url: originOf(server),
    token,
    truth: () => records.all(),
    advance: () => records.advance(),
    failNext: (...faults) => void asked.push(...faults),
    questions: () => [...questions],
    close: () => closeServer(server),
  };
}

/** The body of a request. */
export async function graphqlBodyOf(request: IncomingMessage): Promise<GraphqlBody> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as GraphqlBody;
}

function withError(
  result: GraphqlResult,
  { code, withData = false }: Extract<GraphqlFault, { kind: 'error' }>,
): GraphqlResult {
  const errors = [{ message: 'told by the fixture', path: ['items', 'nodes', 3], extensions: { code } }];
  return withData ? { ...result, errors } : { errors };
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(stringify(body));
}
