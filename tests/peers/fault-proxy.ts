import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer, listen, originOf } from '../../testing/listen.js';

/** What happens to one request. */
export type HttpFate =
  /** It goes through. */
  | 'pass'
  /** The connection ends when a part of the request's body has gone through. */
  | 'cut-upload'
  /** The request is carried out; the connection ends before its answer. */
  | 'cut-after'
  /** The connection ends when a part of the answer's body has gone through. */
  | 'cut-download'
  /** The server has too much to do, as S3 says it. */
  | 'slow-down';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** The network before an HTTP server, at the mercy of a test. Bodies pass through as they come. */
export interface FaultProxy {
  readonly url: string;
  readonly seen: SeenRequest[];
  decide(decide: (request: SeenRequest) => HttpFate): void;
  close(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const seen: SeenRequest[] = [];
  let decide: (request: SeenRequest) => HttpFate = () => 'pass';
  const server = createServer((request, response) => {
    const asked = { method: request.method ?? 'GET', path: request.url ?? '/', headers: request.headers };
    seen.push(asked);
    forward(target, request, response, decide(asked));
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

function forward(target: string, request: IncomingMessage, response: ServerResponse, fate: HttpFate): void {
  const cut = () => request.socket.destroy();
  if (fate === 'slow-down') {
    request.resume();
    request.once('end', () => {
      response.writeHead(503, { 'content-type': 'application/xml' });
      response.end('<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>');
    });
    return;
  }
  const onward = httpRequest(new URL(request.url ?? '/', target), {
    method: request.method,
    headers: request.headers,
  });
  onward.on('error', cut);
  request.on('error', () => onward.destroy());
  onward.on('response', (answer) => {
    if (fate === 'cut-after') {
      answer.resume();
      answer.once('end', cut);
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    if (fate !== 'cut-download') {
      answer.pipe(response);
      return;
    }
    answer.once('data', (chunk: Buffer) => {
      answer.pause();
      response.write(chunk.subarray(0, Math.max(1, chunk.length >> 1)), cut);
    });
  });
  if (fate === 'cut-upload') {
    request.once('data', (chunk: Buffer) => {
      request.pause();
      onward.write(chunk.subarray(0, Math.max(1, chunk.length >> 1)), () => {
        onward.destroy();
        cut();
      });
    });
    return;
  }
  request.pipe(onward);
}
