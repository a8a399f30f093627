import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import type { FetchPublic } from '../connectors/webhook/provider.js';
import { isPipelineError, PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import { apiStreams, createApi, type Api, type ApiOptions } from './api.js';
import { DeliveryCounter, type DeliveryCounts } from './delivery-counts.js';
import { errorAnswer, send, type Answer } from './http-answer.js';
import { openInbox, type InboxBounds, type InboxWriter } from './inbox-writer.js';
import { Intake } from './intake.js';
import { SenderGone } from './read-body.js';
import { Receiver } from './receiver.js';
import { segmentCallAt } from './segment-api.js';
import type { SegmentDisk } from './segment-file.js';
import { loadSiteScript } from './site-script.js';
import { createWebhookEndpoints, type WebhookOptions } from './webhook-endpoint.js';

/** What a gateway is made from; a composition root reads it from the settings. */
export interface GatewayOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly inboxDirectory: string;
  /** Keys that senders of the Segment API use; without one it takes nothing. */
  readonly writeKeys: readonly string[];
  /** Webhook endpoints by source name. */
  readonly webhooks: Readonly<Record<string, WebhookOptions>>;
  /** Serves HTTPS. With `clientCa`, clients may show a certificate of that authority. PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Who may use `/api/`; without it, that takes nothing. */
  readonly api?: ApiOptions;
  readonly logger: Logger;
  /** Fetches public keys of providers; tests give their own. */
  readonly fetchPublic?: FetchPublic;
  readonly bounds?: InboxBounds;
  readonly timeouts?: {
    readonly headersMs: number;
    readonly requestMs: number;
    readonly checkEveryMs: number;
  };
  /** Milliseconds since 1970; tests set the clock. */
  readonly now?: () => number;
  readonly disk?: SegmentDisk;
}

/** A gateway at work. */
export interface RunningGateway {
  readonly address: string;
  readonly port: number;
  /** Deliveries by source since the start. */
  counts(): Readonly<Record<string, DeliveryCounts>>;
  /** Takes no new connection, lets requests in work end for a moment, seals the inbox. */
  close(): Promise<void>;
}

/**
 * Starts the HTTP process that receives events: the Segment API under `/v1/`, signed webhooks under `/webhooks/`,
 * runs, records and files under `/api/`, the script for pages under `/site.js`, `/healthz` (the process answers) and `/readyz` (the inbox can take events).
 *
 * @throws PipelineError CONFIG_INVALID, INBOX_LOCKED
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const endpoints = await createWebhookEndpoints(options.webhooks, options.fetchPublic);
  const counter = new DeliveryCounter(options.logger);
  const inbox = await openInbox({
    directory: options.inboxDirectory,
    streams: [
      'segment',
      ...[...endpoints.keys()].map((name) => `webhooks/${name}`),
      ...apiStreams(options.api),
    ],
    logger: options.logger,
    ...(options.bounds && { bounds: options.bounds }),
    ...(options.now && { now: options.now }),
    ...(options.disk && { disk: options.disk }),
  });
  let api: Api | undefined;
  try {
    const now = options.now ?? Date.now;
    const bodyTimeoutMs = options.timeouts?.requestMs ?? limits.gatewayRequestTimeoutMs;
    const intake = new Intake({ inbox, now, bodyTimeoutMs });
    const receiver = new Receiver({ intake, writeKeys: options.writeKeys, endpoints, counter, now });
    const { inboxDirectory, logger } = options;
    api = options.api && (await createApi(options.api, { inboxDirectory, intake, counter, logger, now }));
    const server = createHttpServer({ receiver, inbox, bodyTimeoutMs, ...(api && { api }) }, options);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, resolve);
    });
    const { address, port } = server.address() as AddressInfo;
    return {
      address,
      port,
      counts: () => counter.all(),
      close: async () => {
        await api?.close();
        await closeServer(server);
        await inbox.close();
      },
    };
  } catch (error) {
    await api?.close();
    await inbox.close();
    throw error;
  }
}

interface Parts {
  readonly receiver: Receiver;
  readonly inbox: InboxWriter;
  readonly api?: Api;
  readonly bodyTimeoutMs: number;
}

function createHttpServer(
  { receiver, inbox, api, bodyTimeoutMs }: Parts,
  { timeouts, logger, tls }: GatewayOptions,
): Server {
  const settings = {
    headersTimeout: timeouts?.headersMs ?? limits.gatewayHeadersTimeoutMs,
    // Who reads a body bounds its time; files have the longest.
    requestTimeout: limits.pushFileTimeoutMs + limits.gatewayRequestTimeoutMs,
    connectionsCheckingInterval: timeouts?.checkEveryMs ?? limits.gatewayCheckEveryMs,
    keepAliveTimeout: limits.gatewayKeepAliveMs,
    requireHostHeader: true,
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    void answer(request, response);
  };
  const server =
    tls === undefined
      ? createServer(settings, listener)
      : createTlsServer({ ...settings, ...tlsSettings(tls) }, listener);
  server.maxConnections = limits.gatewayMaxConnections;
  server.on('clientError', refuseBroken);

  const siteScript = loadSiteScript();
  const at = (request: IncomingMessage): Answer | Promise<Answer> =>
    request.url?.startsWith('/api/') === true && api !== undefined
      ? api.answer(request)
      : route(receiver, inbox, request);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Pages of other origins call the Segment API, and may read its answers, refusals too.
    const isOpenToPages = request.url?.startsWith('/v1/') === true;
    try {
      if (siteScript !== undefined && request.url?.split('?', 1)[0] === '/site.js')
        siteScript.serve(request, response);
      else send(response, await at(request), isOpenToPages);
    } catch (error) {
      if (error instanceof SenderGone) return;
      if (!isPipelineError(error)) logger.error({ error: String(error) }, 'gateway: a request failed');
      send(response, errorAnswer(error), isOpenToPages);
    }
    // Of a request that was answered by its head, nobody waits for the rest of its body.
    if (!request.complete) setTimeout(() => request.complete || request.destroy(), bodyTimeoutMs).unref();
  };
  return server;
}

/** A client without a certificate is let in; sources that need one refuse it by themselves. */
function tlsSettings({ cert, key, clientCa }: NonNullable<GatewayOptions['tls']>) {
  return {
    cert,
    key,
    ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
  };
}

/** @throws PipelineError GATEWAY_* */
function route(receiver: Receiver, inbox: InboxWriter, request: IncomingMessage): Answer | Promise<Answer> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const [, first = '', second = '', ...rest] = path.split('/');
  if (path === '/healthz' || path === '/readyz') {
    assertMethod(request, ['GET', 'HEAD']);
    if (path === '/healthz') return { status: 200, body: { status: 'ok' } };
    return inbox.check().then((room) => ({ status: 200, body: { status: 'ready', ...room } }));
  }
  const isFlat = rest.length === 0;
  const call = first === 'v1' && isFlat ? segmentCallAt(second) : undefined;
  if (call !== undefined) {
    if (request.method === 'OPTIONS') return preflight;
    assertMethod(request, ['POST']);
    return receiver.segment(call, request);
  }
  if (first === 'webhooks' && isFlat && second !== '') {
    if (request.method === 'GET' || request.method === 'HEAD')
      return receiver.greet(second, request.method, new URLSearchParams(request.url?.split('?')[1] ?? ''));
    assertMethod(request, ['POST']);
    return receiver.webhook(second, request);
  }
  throw new PipelineError('GATEWAY_NOT_FOUND', { what: 'such address' });
}

/** Browsers ask first before they send JSON to another origin. */
const preflight: Answer = {
  status: 200,
  body: {},
  headers: {
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'content-type, authorization',
    'access-control-max-age': '86400',
  },
};

function assertMethod(request: IncomingMessage, allowed: readonly string[]): void {
  if (!allowed.includes(request.method ?? ''))
    throw new PipelineError('GATEWAY_METHOD', { allowed: allowed.join(', ') });
}

/** What the HTTP parser refused never becomes a request; it is answered on the bare socket. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const refusal =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? new PipelineError('GATEWAY_TIMEOUT', { allowedMs: limits.gatewayRequestTimeoutMs })
      : new PipelineError('GATEWAY_REQUEST_INVALID', { reason: 'it is not HTTP/1.1' });
  const { status, body } = errorAnswer(refusal);
  const text = JSON.stringify(body);
  const line = status === 408 ? '408 Request Timeout' : '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${line}\r\ncontent-type: application/json\r\ncontent-length: ${String(Buffer.byteLength(text))}\r\nconnection: close\r\n\r\n${text}`,
  );
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  server.closeIdleConnections();
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, limits.gatewayGraceMs);
  await closed;
  clearTimeout(timer);
}
