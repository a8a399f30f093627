import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import type { AskedStatement } from './peers.js';

/** The BigQuery emulator, answering where it differs from the service as the service does. */
export interface BigQueryWire {
  readonly url: string;
  asked(): readonly AskedStatement[];
  /** Requests handed on since the last call of `turnTo`. */
  handedOn(): number;
  /** From now on another emulator answers. */
  turnTo(emulatorUrl: string): void;
  close(): Promise<void>;
}

interface QueryBody {
  query?: string;
  defaultDataset?: { readonly projectId?: string; readonly datasetId?: string };
  parameterMode?: string;
  queryParameters?: readonly { parameterValue?: { value?: string } }[];
}

interface JobBody {
  readonly jobReference?: { readonly jobId?: string };
  readonly configuration?: {
    readonly query?: QueryBody;
    readonly labels?: Record<string, unknown>;
  };
}

/** What a job of the emulator came to. */
interface DoneJob {
  readonly jobReference?: { readonly jobId?: string };
  readonly configuration?: { readonly query?: { readonly destinationTable?: unknown } };
  readonly status?: { readonly state?: string; readonly errorResult?: object };
}

/** What the wire remembers of what went through it. */
interface Known {
  readonly asked: AskedStatement[];
  /** Paths of tables that are dropped in name. */
  readonly dropped: Set<string>;
  /** Jobs that are done and gave no rows, by id. */
  readonly outcomes: Map<string, DoneJob>;
}

/**
 * Stands before the emulator:
 *
 * - a job id that is taken is 409 "duplicate", where the emulator says 500;
 * - a statement that is wrong is 400 "invalidQuery", where the emulator speaks of an internal error;
 * - CREATE OR REPLACE TABLE … AS of a table from itself, which the emulator loses, and ADD COLUMN, of which its analyser does not
 *   hear, become statements that make the table anew;
 * - parameters of a script, which the emulator hands to each of its statements, are written into its text;
 * - requests are served one at a time: the emulator does not keep those apart that come at once;
 * - a bare name of a table, for which the emulator takes one of any dataset, is completed with the default dataset;
 * - FORMAT('%.2f', …) and MOD of a column, for which the emulator makes doubles of numbers, are spelled so that no digit is lost;
 * - for the outcome of a job without rows, which the emulator gives after a tenth of a second, the wire answers itself;
 * - a list of tables says of what kind it is, and times of tables are in milliseconds;
 * - a temporary table of a load is dropped in name only: for each drop the emulator builds its whole catalogue anew, which
 *   takes seconds and memory that it never gives back.
 */
export async function startBigQueryWire(firstUrl: string): Promise<BigQueryWire> {
  const asked: AskedStatement[] = [];
  const known: Known = { asked, dropped: new Set(), outcomes: new Map() };
  let emulatorUrl = firstUrl;
  let handedOn = 0;
  let last: Promise<unknown> = Promise.resolve();
  const server = createServer((request, response) => {
    const before = last;
    last = (async () => {
      await before.catch(() => undefined);
      handedOn += 1;
      await forward(emulatorUrl, request, response, known);
    })().catch(() => {
      response.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String(portOf(server))}`,
    asked: () => asked,
    handedOn: () => handedOn,
    turnTo: (url) => {
      emulatorUrl = url;
      handedOn = 0;
      known.dropped.clear();
      known.outcomes.clear();
    },
    close: () => close(server),
  };
}

async function forward(
  emulatorUrl: string,
  request: IncomingMessage,
  response: ServerResponse,
  known: Known,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const own = answerHere(request, known);
  if (own !== undefined) {
    response.writeHead(own[0], { 'content-type': 'application/json' });
    response.end(own[1]);
    return;
  }
  const body = await rewriteBody(emulatorUrl, request, Buffer.concat(chunks), known.asked);
  const {
    host: _host,
    'content-length': _length,
    'content-encoding': _encoding,
    ...headers
  } = request.headers;
  const answer = await fetch(`${emulatorUrl}${request.url ?? '/'}`, {
    method: request.method ?? 'GET',
    headers: Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || ['connection', 'transfer-encoding', 'accept-encoding'].includes(name)
        ? []
        : [[name, String(value)] as [string, string]],
    ),
    ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
  });
  const text = await answer.text();
  if (isPost(request, 'jobs') && answer.ok) remember(JSON.parse(text) as DoneJob, known.outcomes);
  const [status, rewritten] = rewriteAnswer(answer.status, text);
  const location = answer.headers.get('location')?.replace(/^https?:\/\/[^/]+/, urlOf(request));
  response.writeHead(status, {
    'content-type': answer.headers.get('content-type') ?? 'application/json',
    ...(location !== undefined && { location }),
  });
  response.end(rewritten);
}

const urlOf = (request: IncomingMessage) => `http://${request.headers.host ?? ''}`;

/** True for a body of JSON that is sent to such a collection of a project. */
function isPost({ method, url = '', headers }: IncomingMessage, collection: 'jobs' | 'queries'): boolean {
  const isJson = (headers['content-type'] ?? '').includes('application/json');
  return method === 'POST' && isJson && new RegExp(`^/bigquery/.*/${collection}([?]|$)`).test(url);
}

/** What the wire answers by itself. */
function answerHere(
  { method, url = '' }: IncomingMessage,
  { dropped, outcomes }: Known,
): readonly [status: number, body: string] | undefined {
  const gone = tableOf(url);
  if (gone !== undefined && dropped.has(gone)) return [404, notFound];
  if (gone !== undefined && method === 'DELETE') {
    dropped.add(gone);
    return [204, ''];
  }
  const outcome = outcomes.get(/\/queries\/([^/?]+)/.exec(url)?.[1] ?? '');
  if (outcome === undefined) return undefined;
  const { errorResult } = outcome.status ?? {};
  return errorResult === undefined
    ? [200, JSON.stringify({ jobReference: outcome.jobReference, jobComplete: true, totalRows: '0' })]
    : rewriteAnswer(400, JSON.stringify({ error: { code: 400, ...errorResult, errors: [errorResult] } }));
}

/** The body of a request as the emulator takes it, what must come before it done. */
async function rewriteBody(
  emulatorUrl: string,
  request: IncomingMessage,
  sent: Buffer,
  asked: AskedStatement[],
): Promise<Buffer> {
  const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
  if (isPost(request, 'queries')) return rewriteQuery(body, asked);
  if (!isPost(request, 'jobs')) return body;
  const job = rewriteJob(body, asked);
  for (const statement of job.before) await runStatement(emulatorUrl, statement);
  return job.body;
}

/** The table that the path of a request names, among those of a load. */
function tableOf(url: string): string | undefined {
  return /\/datasets\/[^/]+\/tables\/_millrace_tmp_\w+(?=\?|$)/.exec(url)?.[0];
}

const notFound = JSON.stringify({
  error: { code: 404, message: 'Not found: Table', errors: [{ reason: 'notFound' }] },
});

/** Runs a statement of the wire's own. @throws Error where the emulator refuses it */
async function runStatement(emulatorUrl: string, query: string): Promise<void> {
  const answer = await fetch(`${emulatorUrl}/bigquery/v2/projects/test/queries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, useLegacySql: false }),
  });
  if (!answer.ok) throw new Error(`${query}: ${await answer.text()}`);
}

/** Keeps a job that is done and gave no rows. */
function remember(job: DoneJob, outcomes: Known['outcomes']): void {
  const { jobReference, configuration, status } = job;
  if (status?.state !== 'DONE' || configuration?.query === undefined) return;
  if (status.errorResult === undefined && configuration.query.destinationTable !== undefined) return;
  outcomes.set(jobReference?.jobId ?? '', job);
}

/** The job as the emulator takes it, and what is to be run before. */
function rewriteJob(
  body: Buffer,
  asked: AskedStatement[],
): { readonly body: Buffer; readonly before: string[] } {
  const job = JSON.parse(body.toString('utf8')) as JobBody;
  const query = job.configuration?.query;
  if (query?.query === undefined) return { body, before: [] };
  asked.push({
    sql: query.query,
    binds: query.queryParameters,
    parameters: { jobId: job.jobReference?.jobId, ...job.configuration?.labels, ...job.configuration },
  });
  query.query = withExactNumbers(withDataset(query.query, query.defaultDataset));
  const before: string[] = [];
  const [table, select] = rebuiltTable(query.query) ?? [];
  if (table !== undefined && select !== undefined) {
    const aside = `${table.slice(0, -1)}_${randomUUID().replaceAll('-', '')}\``;
    before.push(`CREATE TABLE ${aside} AS ${select}`, `DROP TABLE ${table}`);
    query.query = `CREATE TABLE ${table} AS SELECT * FROM ${aside}`;
  }
  if (query.query.startsWith('BEGIN TRANSACTION') && query.queryParameters !== undefined) {
    query.query = withLiterals(
      query.query,
      query.queryParameters.map(({ parameterValue }) => parameterValue?.value),
    );
    delete query.queryParameters;
    delete query.parameterMode;
  }
  return { body: Buffer.from(JSON.stringify(job)), before };
}

/** A question for rows as the emulator takes it. */
function rewriteQuery(body: Buffer, asked: AskedStatement[]): Buffer {
  const query = JSON.parse(body.toString('utf8')) as QueryBody;
  const { query: sql = '', queryParameters: binds } = query;
  asked.push({ sql, binds, parameters: { ...query } });
  query.query = withExactNumbers(withDataset(sql, query.defaultDataset));
  return Buffer.from(JSON.stringify(query));
}

/** A table that a statement makes anew or widens, and its new rows. */
function rebuiltTable(sql: string): readonly [string, string] | undefined {
  const [, replaced, select] =
    /^CREATE OR REPLACE TABLE (`[^`]+`)[\s\S]*? AS (SELECT [\s\S]*)$/.exec(sql) ?? [];
  if (replaced !== undefined && select !== undefined) return [replaced, select];
  const [, altered, column, type] =
    /^ALTER TABLE (`[^`]+`) ADD COLUMN IF NOT EXISTS (`[^`]+`) ([\w(), ]+)$/.exec(sql) ?? [];
  if (altered === undefined || column === undefined || type === undefined) return undefined;
  return [altered, `SELECT *, CAST(NULL AS ${type}) AS ${column} FROM ${altered}`];
}

/** Completes each bare name of a table that is read. */
function withDataset(
  sql: string,
  { projectId = '', datasetId = '' }: { readonly projectId?: string; readonly datasetId?: string } = {},
): string {
  return sql.replace(
    /'(?:[^'\\]|\\.)*'|`[^`]*`|\b(FROM|JOIN) ([A-Za-z_]\w*)(?![\w.(])/g,
    (token, word?: string, table?: string) =>
      word === undefined || table === undefined ? token : `${word} \`${projectId}.${datasetId}.${table}\``,
  );
}

/** The digits of a decimal column as text, and what is left of a whole one, without a double in between. */
function withExactNumbers(sql: string): string {
  return sql
    .replace(/FORMAT\('%\.(\d+)f', ((?:\w+\.)?`[^`]+`)\)/g, (_all, digits: string, column: string) => {
      const text = `CAST(${column} AS STRING)`;
      if (digits === '0') return text;
      const fraction = `IFNULL(REGEXP_EXTRACT(${text}, r'[.](.*)$'), '')`;
      return `CONCAT(REGEXP_EXTRACT(${text}, r'^[^.]+'), '.', RPAD(${fraction}, ${digits}, '0'))`;
    })
    .replace(/\bMOD\((`[^`]+`), (\d+)\)/g, '($1 - $2 * DIV($1, $2))');
}

/** Puts a literal in the place of each `?` that stands outside of quotes. */
function withLiterals(sql: string, values: readonly (string | undefined)[]): string {
  let index = -1;
  return sql.replace(/'(?:[^'\\]|\\.)*'|`[^`]*`|\?/g, (token) => {
    if (token !== '?') return token;
    index += 1;
    const value = values[index];
    return value === undefined ? 'CAST(NULL AS STRING)' : JSON.stringify(value);
  });
}

function rewriteAnswer(status: number, text: string): [number, string] {
  if (/is already created/.test(text) && status >= 400) {
    const error = { code: 409, message: 'Already Exists: Job', errors: [{ reason: 'duplicate' }] };
    return [409, JSON.stringify({ error })];
  }
  const rewritten = text
    .replaceAll('"jobInternalError"', '"invalidQuery"')
    .replace(/^\{"tables":/, '{"kind":"bigquery#tableList","tables":')
    .replaceAll(/"(creationTime|lastModifiedTime)":"(\d{10})"/g, '"$1":"$2000"');
  return [status, rewritten];
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
