import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPipelineError, PipelineError, type ErrorCode } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { QueryResult } from '../warehouse.js';

/** Who holds a DuckDB file: one process reads and writes, others ask it through its socket. */
export interface Owner {
  readonly pid: number;
  readonly socket: string;
}

type Query = (sql: string, maxRows: number) => Promise<QueryResult>;

/** The living owner of a file; a note that a dead process left does not count. */
export function findOwner(path: string): Owner | undefined {
  const note = notePath(path);
  if (!existsSync(note)) return undefined;
  try {
    const owner = JSON.parse(readFileSync(note, 'utf8')) as Owner;
    process.kill(owner.pid, 0);
    return owner;
  } catch {
    return undefined;
  }
}

/** Says that this process holds the file, and answers reading queries of others until closed. */
export async function announceOwner(path: string, query: Query): Promise<() => Promise<void>> {
  const socket = socketPath(path);
  rmSync(socket, { force: true });
  const server = queryServer(query);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  chmodSync(socket, 0o600);
  server.unref();
  writeFileSync(notePath(path), JSON.stringify({ pid: process.pid, socket } satisfies Owner), {
    mode: 0o600,
  });
  return async () => {
    rmSync(notePath(path), { force: true });
    server.closeAllConnections();
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    rmSync(socket, { force: true });
  };
}

/** Asks the owner. @throws PipelineError QUERY_REFUSED and others of the owner, WAREHOUSE_UNAVAILABLE */
export function askOwner(owner: Owner, sql: string, maxRows: number): Promise<QueryResult> {
  return new Promise((resolve, reject) => {
    const call = httpRequest({ socketPath: owner.socket, path: '/query', method: 'POST' }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as
          { result: QueryResult } | { code: ErrorCode; context: Record<string, string> };
        if ('result' in answer) resolve(answer.result);
        else reject(new PipelineError(answer.code, answer.context));
      });
    });
    call.on('error', (error) => {
      reject(
        new PipelineError(
          'WAREHOUSE_UNAVAILABLE',
          { warehouse: 'duckdb', reason: `process ${String(owner.pid)} holds the file and does not answer` },
          { cause: error },
        ),
      );
    });
    call.end(JSON.stringify({ sql, maxRows }));
  });
}

function queryServer(query: Query): Server {
  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void (async () => {
        let answer: unknown;
        try {
          const { sql, maxRows } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
            sql: string;
            maxRows: number;
          };
          answer = { result: await query(sql, maxRows) };
        } catch (error) {
          answer = isPipelineError(error)
            ? { code: error.code, context: error.context }
            : {
                code: 'WAREHOUSE_STATEMENT',
                context: {
                  table: 'the query',
                  reason: error instanceof Error ? error.message : String(error),
                },
              };
        }
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(answer));
      })();
    });
  });
}

/** Beside the file, so that it goes with it; a socket's path is short, so that a deep folder needs another place. */
function socketPath(path: string): string {
  const beside = `${path}.sock`;
  if (Buffer.byteLength(beside) <= limits.socketPathMaxBytes) return beside;
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 20);
  return join(tmpdir(), `millrace-${hash}.sock`);
}

function notePath(path: string): string {
  return `${path}.owner.json`;
}
