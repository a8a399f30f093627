import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a hook was sent. */
export interface ToldEvent {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: {
    readonly id: string;
    readonly type: string;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

/** A real HTTP endpoint of a platform: keeps what it is sent, and answers as it is told to. */
export class HookTarget {
  readonly received: ToldEvent[] = [];
  /** Status by path; 200 where there is none. */
  readonly statuses = new Map<string, number>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const [path, text] = [request.url ?? '', Buffer.concat(chunks).toString('utf8')];
        const body = JSON.parse(text) as ToldEvent['body'];
        this.received.push({ path, headers: request.headers, text, body });
        const status = this.statuses.get(path) ?? 200;
        response.writeHead(status, status === 307 ? { location: '/elsewhere' } : {}).end('thanks');
      });
    });
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  url(path: string): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}${path}`;
  }

  /** What came to a path, in the order in which it came. */
  at(path: string): readonly ToldEvent[] {
    return this.received.filter((told) => told.path === path);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
