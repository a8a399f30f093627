import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { closeServer, listen, originOf } from '../../testing/listen.js';

/** What happens to one request of the driver. */
export type Fate =
  /** It goes through. */
  | 'pass'
  /** The connection ends before the request arrives. */
  | 'cut-before'
  /** The request arrives and is carried out; the connection ends before its answer. */
  | 'cut-after'
  /** The session has ended, with what its transaction had done, before the request arrives. */
  | 'session-lost'
  /** The request is carried out; the answer is that the session is gone. */
  | 'session-lost-after';

/** Decides on a statement; `delivery` counts how often it has come under one request id, from 1. */
export type Decide = (sql: string, delivery: number) => Fate;

/** A statement of a request, and the id under which a driver sends it again. */
export interface SentStatement {
  readonly id: string;
  readonly sql: string;
}

/** Finds the statement in a request, or nothing. */
export type FindStatement = (url: URL, body: string) => SentStatement | undefined;

export const snowflakeStatement: FindStatement = (url, body) =>
  url.pathname === '/queries/v1/query-request'
    ? {
        id: url.searchParams.get('requestId') ?? '',
        sql: (JSON.parse(body) as { sqlText: string }).sqlText,
      }
    : undefined;

/** A job's script, and a question for rows, by its text; a question about a job as `RESULT`. */
export const bigQueryStatement: FindStatement = (url, body) => {
  if (/\/queries\/[^/]+$/.test(url.pathname)) return { id: url.pathname, sql: 'RESULT' };
  if (!/\/projects\/[^/]+\/(jobs|queries)$/.test(url.pathname) || !body.startsWith('{')) return undefined;
  if (url.pathname.endsWith('/queries')) {
    const { requestId = '', query } = JSON.parse(body) as { requestId?: string; query?: string };
    return query === undefined ? undefined : { id: requestId, sql: query };
  }
  const { jobReference, configuration } = JSON.parse(body) as {
    jobReference?: { jobId?: string };
    configuration?: { query?: { query?: string } };
  };
  const sql = configuration?.query?.query;
  return sql === undefined ? undefined : { id: jobReference?.jobId ?? '', sql };
};

/** The network between a warehouse's driver and a server, at the mercy of a test. */
export interface CutProxy {
  readonly url: string;
  /** Statements that did not pass, and how often one came again under its own request id. */
  readonly seen: { readonly struck: string[]; resent: number };
  decide(decide: Decide): void;
  close(): Promise<void>;
}

export async function startCutProxy(
  target: string,
  find: FindStatement = snowflakeStatement,
): Promise<CutProxy> {
  const seen: CutProxy['seen'] = { struck: [], resent: 0 };
  const deliveries = new Map<string, number>();
  let decide: Decide = () => 'pass';
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? '/', target);
    let fate: Fate = 'pass';
    const statement = find(url, textOf(request, body));
    if (statement !== undefined) {
      const delivery = (deliveries.get(statement.id) ?? 0) + 1;
      deliveries.set(statement.id, delivery);
      if (delivery > 1) seen.resent += 1;
      fate = decide(statement.sql, delivery);
      if (fate !== 'pass') seen.struck.push(statement.sql);
    }
    if (fate === 'cut-before') return request.socket.destroy();
    if (fate === 'session-lost') {
      await forward(new URL('/session?delete=true', target), request, Buffer.from('{}'));
      return respond(response, 200, sessionGone);
    }
    const answer = await forward(url, request, body);
    if (fate === 'cut-after') return request.socket.destroy();
    if (fate === 'session-lost-after') return respond(response, 200, sessionGone);
    return respond(response, answer.status, await answer.text());
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await listen(server);
  return {
    url: originOf(server),
    seen,
    decide: (next) => {
      decide = next;
    },
    close: () => closeServer(server),
  };
}

/** What Snowflake answers where a session is gone (driver source, error 390111). */
const sessionGone = JSON.stringify({
  success: false,
  code: '390111',
  message: 'Session no longer exists. New login required to access the service.',
  data: null,
});

export function textOf(request: IncomingMessage, body: Buffer): string {
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
}

export async function forward(url: URL, request: IncomingMessage, body: Buffer): Promise<Response> {
  const dropped = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding']);
  const headers = Object.entries(request.headers).filter(([name]) => !dropped.has(name));
  return fetch(url, {
    method: request.method ?? 'GET',
    headers: headers.map(([name, value]) => [name, String(value)] as [string, string]),
    ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
  });
}

export function respond(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body);
}
