import { afterAll } from '@jest/globals';
import { request } from 'node:http';
import { request as tlsRequest, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { pino } from 'pino';
import { createSource } from '../../connectors/inbox/index.js';
import { startGateway, type GatewayOptions, type RunningGateway } from '../../serve/run-gateway.js';
import { createWebhookFixtures, type SignedDelivery, type WebhookFixture } from '../../testing/index.js';
import { temporaryFolder } from '../helpers/folder.js';
import { readAll } from '../sources/read-all.js';

export const fixtures = createWebhookFixtures();

export function fixtureOf(provider: string): WebhookFixture {
  const fixture = fixtures.get(provider);
  if (fixture === undefined) throw new Error(`no fixture for ${provider}`);
  return fixture;
}

/** Public keys of all fixtures; keeps the addresses that were asked for. */
export function publicFiles() {
  const asked: string[] = [];
  const files = Object.assign({}, ...[...fixtures.values()].map((fixture) => fixture.publicFiles)) as Record<
    string,
    string
  >;
  return {
    asked,
    fetchPublic: async (url: URL): Promise<string> => {
      asked.push(url.href);
      if (url.searchParams.get('Action') === 'ConfirmSubscription') return '<ok/>';
      const file = files[url.href];
      if (file === undefined) throw new Error('not there');
      return file;
    },
  };
}

const folder = temporaryFolder();
const running: RunningGateway[] = [];
let count = 0;

afterAll(async () => {
  for (const gateway of running) await gateway.close().catch(() => undefined);
});

export interface TestGateway extends RunningGateway {
  readonly url: string;
  readonly data: string;
  /** Lines of a stream as the inbox keeps them; ends the gateway. */
  lines(source: string, options?: Record<string, string>): Promise<Record<string, unknown>[]>;
}

/** A gateway with one endpoint for each fixture, called as its provider; `change` is laid over. */
export async function startFixtureGateway(change: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const data = join(folder, String((count += 1)));
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    inboxDirectory: join(data, 'inbox'),
    writeKeys: ['wk'],
    webhooks: Object.fromEntries(
      [...fixtures].map(([provider, { settings }]) => [
        provider,
        settings as GatewayOptions['webhooks'][string],
      ]),
    ),
    fetchPublic: publicFiles().fetchPublic,
    logger: pino({ level: 'silent' }),
    ...change,
  });
  running.push(gateway);
  return {
    ...gateway,
    data,
    url: `${change.tls === undefined ? 'http' : 'https'}://127.0.0.1:${String(gateway.port)}`,
    async lines(source, options = {}) {
      await gateway.close();
      const inbox = createSource({ projectDirectory: data, dataDirectory: data });
      const { rows } = await readAll(inbox, { stream: `webhooks/${source}`, options });
      return rows.map((row) => JSON.parse(row) as Record<string, unknown>);
    },
  };
}

export interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly code: string | undefined;
}

/** Posts bytes with headers exactly as given; a list sends the header once for each value. */
export function deliver(
  url: string,
  { headers, body }: { headers: Readonly<Record<string, string | string[]>>; body: Uint8Array },
  more: RequestOptions = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? tlsRequest : request;
    const outgoing = send(
      url,
      { method: 'POST', headers: { ...headers, 'content-length': body.length }, ...more },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
        response.on('end', () => {
          const parsed = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
          const { code } = (parsed['error'] ?? {}) as { code?: string };
          resolve({ status: response.statusCode ?? 0, body: parsed, code });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Posts a delivery to the endpoint of its provider. */
export function deliverTo(gateway: TestGateway, provider: string, delivery: SignedDelivery): Promise<Reply> {
  return deliver(`${gateway.url}/webhooks/${provider}${delivery.query ?? ''}`, delivery);
}
