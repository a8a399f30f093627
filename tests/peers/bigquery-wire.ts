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

interface JobBody {
  readonly jobReference?: { readonly jobId?: string };
  readonly configuration?: {
    readonly query?: {
      query?: string;
      defaultDataset?: { readonly projectId?: string; readonly datasetId?: string };
      parameterMode?: string;
      queryParameters?: readonly { parameterValue?: { value?: string } }[];
    };
    readonly labels?: Record<string, unknown>;
  };
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
 * - a list of tables says of what kind it is, and times of tables are in milliseconds;
 * - a temporary table of a load is dropped in name only: for each drop the emulator builds its whole catalogue anew, which
 *   takes seconds and memory that it never gives back.
 */
export async function startBigQueryWire(firstUrl: string): Promise<BigQueryWire> {
  const asked: AskedStatement[] = [];
  const dropped = new Set<string>();
  let emulatorUrl = firstUrl;
  let handedOn = 0;
  let last: Promise<unknown> = Promise.resolve();
  const server = createServer((request, response) => {
    const before = last;
    last = (async () => {
      await before.catch(() => undefined);
      handedOn += 1;
      await forward(emulatorUrl, request, response, asked, dropped);
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
      dropped.clear();
    },
    close: () => close(server),
  };
}

async function forward(
  emulatorUrl: string,
  request: IncomingMessage,
  response: ServerResponse,
  asked: AskedStatement[],
  dropped: Set<string>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const gone = tableOf(request.url);
  if (gone !== undefined && (request.method === 'DELETE' || dropped.has(gone))) {
    const isGone = dropped.has(gone);
    dropped.add(gone);
    response.writeHead(isGone ? 404 : 204, { 'content-type': 'application/json' });
    response.end(isGone ? notFound : '');
    return;
  }
  let body: Buffer = Buffer.concat(chunks);
  if (request.headers['content-encoding'] === 'gzip') body = gunzipSync(body);
  if (
    request.method === 'POST' &&
    /\/projects\/[^/]+\/jobs(\?|$)/.test(request.url ?? '') &&
    isJson(request)
  ) {
    const job = rewriteJob(body, asked);
    for (const statement of job.before) await runStatement(emulatorUrl, statement);
    body = job.body;
  }
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
  const [status, rewritten] = rewriteAnswer(answer.status, text);
  response.writeHead(status, {
    'content-type': answer.headers.get('content-type') ?? 'application/json',
    ...(answer.headers.has('location')
      ? {
          location: (answer.headers.get('location') ?? '').replace(
            /^https?:\/\/[^/]+/,
            `http://${request.headers.host ?? ''}`,
          ),
        }
      : {}),
  });
  response.end(rewritten);
}

/** The table that the path of a request names, among those of a load. */
function tableOf(url = ''): string | undefined {
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

function isJson(request: IncomingMessage): boolean {
  return (request.headers['content-type'] ?? '').includes('application/json');
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
