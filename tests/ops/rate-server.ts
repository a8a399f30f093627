import { createServer, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** A provider with a limit: in no span of `perMs` of its own clock it takes more than `requests`. */
export interface LimitedServer {
  readonly url: string;
  /** Requests by DAG, refused ones included. */
  readonly taken: Map<string, number>;
  refused: number;
  /** Answers wait for it. */
  gate: Promise<void>;
  /** What it answers instead. */
  instead: ((response: ServerResponse) => void) | undefined;
  close(): Promise<void>;
}

export async function startLimitedServer({
  requests,
  perMs,
  tells,
}: {
  readonly requests: number;
  readonly perMs: number;
  readonly tells: boolean;
}): Promise<LimitedServer> {
  const arrivals: number[] = [];
  const server = createServer((request, response) => {
    const nowMs = performance.now();
    while ((arrivals[0] ?? nowMs) <= nowMs - perMs) arrivals.shift();
    const dag = new URL(request.url ?? '/', 'http://localhost').searchParams.get('dag') ?? '';
    state.taken.set(dag, (state.taken.get(dag) ?? 0) + 1);
    if (tells)
      response.setHeader(
        'ratelimit-policy',
        `"all";q=${String(requests)};w=${String(Math.ceil(perMs / 1000))}`,
      );
    void state.gate.then(() => {
      if (state.instead !== undefined) state.instead(response);
      else response.end('{}');
    });
    if (arrivals.length >= requests) {
      state.refused += 1;
      response.writeHead(429, { 'retry-after': '1' });
    } else arrivals.push(nowMs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const state: LimitedServer = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`,
    taken: new Map(),
    refused: 0,
    gate: Promise.resolve(),
    instead: undefined,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return state;
}
