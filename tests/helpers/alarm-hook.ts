import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AlarmNotice } from '../../core/alarms.js';

/** A real HTTP endpoint that keeps the alarm notices that it is sent. */
export class AlarmHook {
  readonly received: (AlarmNotice & { readonly key: string | undefined })[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const notice = JSON.parse(Buffer.concat(chunks).toString('utf8')) as AlarmNotice;
        this.received.push({ ...notice, key: request.headers['idempotency-key'] as string | undefined });
        response.writeHead(204).end();
      });
    });
  }

  /** @returns its address */
  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/alarms`;
  }

  /** Notices of a DAG, in the order in which they came; a repeat (same id) is left out. */
  of(dagId: string): readonly AlarmNotice[] {
    const seen = new Set<string>();
    return this.received.filter(({ id, alarm }) => {
      if (alarm.dagId !== dagId || seen.has(id)) return false;
      seen.add(id);
      return true;
    });
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
