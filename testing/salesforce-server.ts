import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stringify } from 'lossless-json';
import { closeServer, listen, originOf } from './listen.js';
import {
  describeAnswer,
  refusal,
  SalesforceQueries,
  valueOf,
  type SalesforceFixtureAnswer,
} from './salesforce-answers.js';
import {
  createSalesforceState,
  salesforceFields,
  type SalesforceFixtureObject,
  type SalesforceScript,
} from './salesforce-state.js';
import { answerWithFault, createFaultPlan, type ShopFault } from './shop-faults.js';

/** What can go wrong with one request: a refusal by its code, a session that ends, or what can go wrong with any server. */
export type SalesforceFault =
  | ShopFault
  | {
      readonly kind: 'refusal';
      readonly status: number;
      readonly errorCode: string;
      readonly message?: string;
    }
  /** The token is no longer taken; the token endpoint gives another. */
  | { readonly kind: 'session-ended' }
  /** The locators of all queries under way are forgotten. */
  | { readonly kind: 'locators-lost' }
  /** The last row of a piece of results is missing, though the header counts it. */
  | { readonly kind: 'row-lost' }
  /** All jobs fail. */
  | { readonly kind: 'jobs-failed' };

/** Options of `createSalesforceServer`; each has a default. */
export interface SalesforceServerOptions extends Partial<SalesforceScript> {
  readonly accessToken?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** Seeded faults on about one request in six; default false. */
  readonly faults?: boolean;
  /** Greatest page of a query, whatever is asked for; Salesforce's own is 2,000. */
  readonly pageMaxRecords?: number;
  /** Questions for its state after which a job is complete. */
  readonly pollsUntilDone?: number;
  /** Requests of a day; every request counts. */
  readonly dailyRequests?: number;
}

/** One record as it is now: its fields as text, to the digit. */
export interface SalesforceTruth {
  readonly id: string;
  readonly changedAt: string;
  readonly fields: Readonly<Record<string, string | null>>;
}

/** A running fixture org. */
export interface SalesforceServer {
  /** Origin; the `url` of a Salesforce connection, and what a login names as `instance_url`. */
  readonly url: string;
  /** Token endpoint: client credentials, JWT bearer (whose signature it does not check) and refresh tokens. */
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The token that is taken now. */
  accessToken(): string;
  /** One step of the script: new, changed, imported and deleted records. */
  advance(): void;
  isDone(): boolean;
  /** Records that are not deleted, by id. */
  truth(object: SalesforceFixtureObject): readonly SalesforceTruth[];
  deletedIds(object: SalesforceFixtureObject): readonly string[];
  /** States of the query jobs that nobody deleted. */
  jobs(): readonly string[];
  failNext(...faults: readonly SalesforceFault[]): void;
  setFaults(isOn: boolean): void;
  requests(): readonly string[];
  close(): Promise<void>;
}

/**
 * Starts an HTTP server shaped as Salesforce's REST API and Bulk API 2.0 (describe, query and queryAll with locators, query
 * jobs with CSV, limits, token endpoint) for tests and demonstrations: seeded records that change step by step, late
 * commits, and faults on demand.
 */
export async function createSalesforceServer(
  options: SalesforceServerOptions = {},
): Promise<SalesforceServer> {
  const seed = options.seed ?? 1;
  const clientId = options.clientId ?? 'salesforce-fixture-client';
  const clientSecret = options.clientSecret ?? 'salesforce-fixture-secret';
  const state = createSalesforceState({
    seed,
    contacts: options.contacts ?? 60,
    imported: options.imported ?? 0,
    steps: options.steps ?? 10,
    stepMs: options.stepMs ?? 30_000,
    startAt: options.startAt ?? '2026-01-05T08:00:00Z',
  });
  const queries = new SalesforceQueries(state, {
    pageMaxRecords: options.pageMaxRecords ?? 2_000,
    pollsUntilDone: options.pollsUntilDone ?? 1,
  });
  const plan = createFaultPlan(seed, options.faults ?? false);
  const asked: SalesforceFault[] = [];
  const dailyRequests = options.dailyRequests ?? 15_000;
  const requests: string[] = [];
  let sessions = 0;
  let used = 0;
  const accessToken = (): string =>
    `${options.accessToken ?? 'salesforce-fixture-token'}${sessions === 0 ? '' : `-${String(sessions)}`}`;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = request.method ?? '';
    requests.push(`${method} ${request.url ?? ''}`);
    const url = new URL(request.url ?? '/', origin());
    const text = await bodyOf(request);
    if (url.pathname === '/services/oauth2/token')
      return send(response, tokenAnswer(new URLSearchParams(text), request));
    used += 1;
    const headers = { 'sforce-limit-info': `api-usage=${String(used)}/${String(dailyRequests)}` };
    const fault = asked.shift() ?? plan.next();
    if (fault.kind === 'session-ended') sessions += 1;
    if (request.headers.authorization !== `Bearer ${accessToken()}`)
      return send(response, refusal(401, 'INVALID_SESSION_ID', 'Session expired or invalid'));
    if (used > dailyRequests)
      return send(response, refusal(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.'));
    if (fault.kind === 'locators-lost') queries.loseLocators();
    if (fault.kind === 'jobs-failed') queries.failJobs();
    if (fault.kind === 'refusal')
      return send(response, refusal(fault.status, fault.errorCode, fault.message));
    const found = route(method, url, text, request);
    const { body, type } = contentOf(fault.kind === 'row-lost' ? withoutLastRow(found) : found);
    const all = { 'content-type': type, ...found.headers, ...headers };
    const isOfServer = !['session-ended', 'locators-lost', 'jobs-failed', 'row-lost'].includes(fault.kind);
    if (isOfServer && answerWithFault(fault as ShopFault, response, body, all)) return;
    response.writeHead(found.status, all).end(body);
  };
  const tokenAnswer = (form: URLSearchParams, { headers }: IncomingMessage): SalesforceFixtureAnswer => {
    const isClient =
      basicOf(headers.authorization) === `${clientId}:${clientSecret}` ||
      (form.get('client_id') === clientId && form.get('client_secret') === clientSecret);
    const claims = claimsOf(form.get('assertion') ?? '');
    const isSigned = claims?.['iss'] === clientId && Number(claims['exp']) * 1000 > Date.now();
    const isTaken =
      form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' ? isSigned : isClient;
    if (!isTaken)
      return { status: 400, body: { error: 'invalid_client', error_description: 'invalid client' } };
    return {
      status: 200,
      body: {
        access_token: accessToken(),
        instance_url: origin(),
        id: `${origin()}/id/00D000000000001AAA/005000000000001AAA`,
        token_type: 'Bearer',
        issued_at: String(Date.now()),
      },
    };
  };
  const route = (
    method: string,
    url: URL,
    text: string,
    request: IncomingMessage,
  ): SalesforceFixtureAnswer => {
    const [, path = ''] = /^\/services\/data\/v[0-9.]+\/(.+)$/.exec(url.pathname) ?? [];
    const batchSize = Number(
      /batchSize=(\d+)/.exec(String(request.headers['sforce-query-options']))?.[1] ?? 2_000,
    );
    if (method === 'GET' && path === 'limits')
      return {
        status: 200,
        body: { DailyApiRequests: { Max: dailyRequests, Remaining: dailyRequests - used } },
      };
    const described = /^sobjects\/(\w+)\/describe$/.exec(path);
    if (described !== null) return describeAnswer(described[1] ?? '');
    const [, resource, , place] = /^(query|queryAll)(\/([\w-]+))?$/.exec(path) ?? [];
    if (resource !== undefined)
      return place === undefined
        ? queries.first(resource, url.searchParams.get('q') ?? '', batchSize)
        : queries.next(resource, place, batchSize);
    return jobRoute(queries, method, { path, query: url.searchParams, text });
  };
  const server = createServer((request, response) => void answer(request, response));
  const origin = (): string => originOf(server);
  await listen(server);
  return {
    url: origin(),
    tokenUrl: `${origin()}/services/oauth2/token`,
    clientId,
    clientSecret,
    accessToken,
    advance: () => state.advance(),
    isDone: () => state.isDone(),
    truth: (object) =>
      state
        .records(object)
        .filter(({ isDeleted }) => !isDeleted)
        .map((record) => ({
          id: record.id,
          changedAt: new Date(record.changedAtMs).toISOString(),
          fields: Object.fromEntries(
            Object.keys(salesforceFields[object]).map((field) => {
              const value = valueOf(record, field);
              return [field, value === null ? null : String(value)];
            }),
          ),
        })),
    deletedIds: (object) =>
      state
        .records(object)
        .filter(({ isDeleted }) => isDeleted)
        .map(({ id }) => id),
    jobs: () => queries.jobs(),
    failNext: (...faults) => void asked.push(...faults),
    setFaults: (isOn) => plan.setSeeded(isOn),
    requests: () => [...requests],
    close: () => closeServer(server),
  };
}

function withoutLastRow(answer: SalesforceFixtureAnswer): SalesforceFixtureAnswer {
  const lines = answer.csv?.split('\n"') ?? [];
  return { ...answer, csv: `${lines.slice(0, -1).join('\n"')}\n` };
}

/** Query jobs by their paths and methods. */
function jobRoute(
  queries: SalesforceQueries,
  method: string,
  { path, query, text }: { readonly path: string; readonly query: URLSearchParams; readonly text: string },
): SalesforceFixtureAnswer {
  if (method === 'POST' && path === 'jobs/query') return queries.createJob(parsed(text));
  const [, job = '', results] = /^jobs\/query\/(\w+)(\/results)?$/.exec(path) ?? [];
  if (job === '') return refusal(404, 'NOT_FOUND');
  if (results !== undefined) return queries.results(job, query);
  if (method === 'PATCH') return queries.abortJob(job, parsed(text));
  return method === 'DELETE' ? queries.deleteJob(job) : queries.job(job);
}

/** Client and secret of an `Authorization` header, each form-encoded there (RFC 6749 §2.3.1). */
function basicOf(header = ''): string {
  const [, encoded = ''] = /^Basic (.+)$/.exec(header) ?? [];
  return Buffer.from(encoded, 'base64').toString('utf8').split(':').map(decodeURIComponent).join(':');
}

function contentOf({ body, csv }: SalesforceFixtureAnswer): { readonly body: Buffer; readonly type: string } {
  if (csv !== undefined) return { body: Buffer.from(csv), type: 'text/csv' };
  const text = body === undefined ? '' : (stringify(body) ?? '');
  return { body: Buffer.from(text), type: 'application/json;charset=UTF-8' };
}

function send(response: ServerResponse, found: SalesforceFixtureAnswer): void {
  const { body, type } = contentOf(found);
  response.writeHead(found.status, { 'content-type': type }).end(body);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

function claimsOf(assertion: string): Record<string, unknown> | undefined {
  const [, payload] = assertion.split('.');
  return payload === undefined ? undefined : parsed(Buffer.from(payload, 'base64url').toString('utf8'));
}
