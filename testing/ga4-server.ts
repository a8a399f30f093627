import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import {
  ga4Refusal,
  resultPage,
  statementRows,
  tableList,
  tableState,
  type Ga4Answer,
} from './ga4-answers.js';
import { createGa4State, type Ga4FixtureTable, type Ga4Script } from './ga4-state.js';
import { closeServer, listen, originOf } from './listen.js';
import { answerWithFault, type ShopFault } from './shop-faults.js';

/** What can go wrong with one request: BigQuery's own refusal, or what can go wrong with any server. */
export type Ga4Fault =
  ShopFault | { readonly kind: 'refusal'; readonly status: number; readonly reason: string };

/** Options of `createGa4Server`; each has a default. */
export interface Ga4ServerOptions extends Partial<Ga4Script> {
  /** How often a job is asked for its result before it has one; default 1. */
  readonly pollsUntilDone?: number;
}

/** A running fixture of BigQuery that holds the export of a Google Analytics 4 property. */
export interface Ga4Server {
  /** Options of a GA4 connection that leads here. */
  readonly connection: {
    readonly connector: 'ga4';
    readonly project: string;
    readonly dataset: string;
    readonly apiEndpoint: string;
  };
  /** Half a day: events stream in, or a daily table takes their place and late events come. */
  advance(): void;
  isDone(): boolean;
  /** The tables there are now. */
  tables(): readonly Ga4FixtureTable[];
  failNext(...faults: readonly Ga4Fault[]): void;
  /** Method and path of each request. */
  requests(): readonly string[];
  /** Configurations of the jobs that were begun. */
  jobs(): readonly object[];
  close(): Promise<void>;
}

const [project, dataset] = ['fixture-project', 'analytics_123456'];

/**
 * Starts an HTTP server that speaks the few calls of BigQuery's REST API that the GA4 source makes (list and state of tables,
 * one statement as a job, its pages, its end), for tests and demonstrations. It is no BigQuery: it knows that one statement.
 */
export async function createGa4Server(options: Ga4ServerOptions = {}): Promise<Ga4Server> {
  const state = createGa4State({
    seed: options.seed ?? 1,
    events: options.events ?? 20,
    days: options.days ?? 6,
    steps: options.steps ?? 8,
    keepsStreamed: options.keepsStreamed ?? false,
    startDay: options.startDay ?? '2026-01-05',
  });
  const asked: Ga4Fault[] = [];
  const requests: string[] = [];
  const jobs: object[] = [];
  const results = new Map<string, { polls: number; readonly rows: readonly (readonly string[])[] }>();

  const beginJob = (body: Job): Ga4Answer => {
    const { jobReference, configuration } = body;
    if (results.has(jobReference.jobId)) return ga4Refusal(409, 'duplicate', 'Already Exists: Job');
    const rows = statementRows(state, configuration.query.query);
    if (rows === undefined) return ga4Refusal(404, 'notFound', 'Not found: Table');
    jobs.push(configuration);
    results.set(jobReference.jobId, { polls: options.pollsUntilDone ?? 1, rows });
    return { status: 200, body: { jobReference, configuration, status: { state: 'RUNNING' } } };
  };
  const resultOf = (jobId: string, query: URLSearchParams): Ga4Answer => {
    const result = results.get(jobId);
    if (result === undefined) return ga4Refusal(404, 'notFound', 'Not found: Job');
    result.polls -= 1;
    return result.polls >= 0 ? { status: 200, body: { jobComplete: false } } : resultPage(result.rows, query);
  };
  const route = (method: string, url: URL, body: () => Job): Ga4Answer => {
    const path = url.pathname.replace(`/bigquery/v2/projects/${project}/`, '');
    if (method === 'POST' && path === 'jobs') return beginJob(body());
    if (method === 'POST' && path.endsWith('/cancel')) return { status: 200, body: {} };
    const jobId = /^queries\/([\w-]+)$/.exec(path)?.[1];
    if (jobId !== undefined) return resultOf(jobId, url.searchParams);
    const table = new RegExp(`^datasets/${dataset}/tables(?:/(\\w+))?$`).exec(path);
    if (table === null) return ga4Refusal(404, 'notFound', 'Not found: Dataset');
    const place = { projectId: project, datasetId: dataset };
    return table[1] === undefined ? tableList(state, place, url.searchParams) : tableState(state, table[1]);
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET', headers } = request;
    const url = new URL(request.url ?? '/', originOf(server));
    requests.push(`${method} ${url.pathname}`);
    const fault = asked.shift() ?? { kind: 'none' };
    if (fault.kind === 'refusal') return send(response, ga4Refusal(fault.status, fault.reason, 'made up'));
    const bytes = Buffer.concat(chunks);
    const text = (headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
    const answer = route(method, url, () => JSON.parse(text) as Job);
    if (answerWithFault(fault, response, Buffer.from(JSON.stringify(answer.body)))) return;
    send(response, answer);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await listen(server);
  return {
    connection: { connector: 'ga4', project, dataset, apiEndpoint: originOf(server) },
    advance: () => state.advance(),
    isDone: () => state.isDone(),
    tables: () => [...state.tables.values()],
    failNext: (...faults) => void asked.push(...faults),
    requests: () => [...requests],
    jobs: () => [...jobs],
    close: () => closeServer(server),
  };
}

interface Job {
  readonly jobReference: { readonly jobId: string };
  readonly configuration: { readonly query: { readonly query: string } };
}

function send(response: ServerResponse, { status, body }: Ga4Answer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' });
  response.end(JSON.stringify(body));
}
