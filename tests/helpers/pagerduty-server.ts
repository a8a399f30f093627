import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One event that was accepted. */
export interface PagerDutyEvent {
  readonly routing_key: string;
  readonly event_action: 'trigger' | 'acknowledge' | 'resolve';
  readonly dedup_key: string;
  readonly payload?: { readonly summary: string; readonly source: string; readonly severity: string };
}

/** The documented shape of an event: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ */
const eventSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['routing_key', 'event_action'],
  properties: {
    routing_key: { type: 'string', minLength: 32, maxLength: 32 },
    event_action: { enum: ['trigger', 'acknowledge', 'resolve'] },
    dedup_key: { type: 'string', minLength: 1, maxLength: 255 },
    client: { type: 'string' },
    client_url: { type: 'string' },
    links: { type: 'array' },
    images: { type: 'array' },
    payload: {
      type: 'object',
      additionalProperties: false,
      required: ['summary', 'source', 'severity'],
      properties: {
        summary: { type: 'string', minLength: 1, maxLength: 1024 },
        source: { type: 'string', minLength: 1 },
        severity: { enum: ['critical', 'error', 'warning', 'info'] },
        timestamp: { type: 'string', format: 'date-time' },
        component: { type: 'string' },
        group: { type: 'string' },
        class: { type: 'string' },
        custom_details: { type: 'object' },
      },
    },
  },
  allOf: [
    { if: { properties: { event_action: { const: 'trigger' } } }, then: { required: ['payload'] } },
    {
      if: { properties: { event_action: { enum: ['acknowledge', 'resolve'] } } },
      then: { required: ['dedup_key'] },
    },
  ],
};

const ajv = new Ajv({ allErrors: true, strict: false });
formats.default(ajv);
const isEvent = ajv.compile(eventSchema);

/** An HTTP server that takes events as PagerDuty documents them: 202, or 400 for what does not fit. */
export class PagerDutyServer {
  readonly events: PagerDutyEvent[] = [];
  readonly refused: string[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const event = JSON.parse(Buffer.concat(chunks).toString('utf8')) as PagerDutyEvent;
        const answer = (status: number, body: object) =>
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        if (!isEvent(event)) {
          const errors = (isEvent.errors ?? []).map((error) => ajv.errorsText([error]));
          this.refused.push(...errors);
          answer(400, { status: 'invalid event', message: 'Event object is invalid', errors });
          return;
        }
        this.events.push(event);
        const { dedup_key } = event;
        answer(202, { status: 'success', message: 'Event processed', dedup_key });
      });
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/v2/enqueue`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
