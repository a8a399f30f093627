import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { stringify } from 'lossless-json';
import { closeServer, listen, originOf } from './listen.js';
import { magentoPaths, magentoRecord, searchAnswer, type MagentoFixtureAnswer } from './magento-answers.js';
import { createSignatureCheck, type MagentoFixtureKeys } from './magento-signature.js';
import {
  createMagentoState,
  type MagentoFixtureStream,
  type MagentoScript,
  type MagentoValue,
} from './magento-state.js';
import { answerWithFault, createFaultPlan, type ShopFault } from './shop-faults.js';

/** What can go wrong with one request: a token that ends, a wrong count, or what can go wrong with any server. */
export type MagentoFault =
  | ShopFault
  /** The bearer token is no longer taken; the token endpoint gives another. */
  | { readonly kind: 'token-ended' }
  /** `total_count` is another one than it is. */
  | { readonly kind: 'wrong-count'; readonly count: number };

/** Options of `createMagentoServer`; each has a default. */
export interface MagentoServerOptions extends Partial<MagentoScript> {
  readonly accessToken?: string;
  /** Seeded faults on about one request in six; default false. */
  readonly faults?: boolean;
}

/** A running fixture shop. */
export interface MagentoServer {
  /** Origin; the `url` of a Magento connection. Store views are `default` and `fr`. */
  readonly url: string;
  /** REST endpoint in the manner of Commerce as a Cloud Service, which takes bearer tokens. */
  readonly restUrl: string;
  /** Token endpoint in the manner of Adobe IMS: client credentials. */
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Keys of an integration, for signed requests. */
  readonly keys: MagentoFixtureKeys;
  /** The bearer token that is taken now. */
  accessToken(): string;
  /** One step of the script: new, changed and imported records. */
  advance(): void;
  isDone(): boolean;
  /** Records as the API writes them, by id. */
  truth(stream: MagentoFixtureStream): readonly Readonly<Record<string, MagentoValue>>[];
  failNext(...faults: readonly MagentoFault[]): void;
  setFaults(isOn: boolean): void;
  requests(): readonly string[];
  close(): Promise<void>;
}

/**
 * Starts an HTTP server shaped as Magento's REST API (searches of orders, customers, products and credit memos, store
 * views, signed requests and bearer tokens) for tests and demonstrations: seeded records that change step by step, late
 * commits, and faults on demand.
 */
export async function createMagentoServer(options: MagentoServerOptions = {}): Promise<MagentoServer> {
  const seed = options.seed ?? 1;
  const state = createMagentoState({
    seed,
    orders: options.orders ?? 60,
    imported: options.imported ?? 0,
    steps: options.steps ?? 10,
    stepMs: options.stepMs ?? 30_000,
    startAt: options.startAt ?? '2026-01-05T08:00:00Z',
  });
  const keys: MagentoFixtureKeys = {
    consumerKey: 'magento-fixture-consumer',
    consumerSecret: 'consumer secret & more',
    accessToken: 'magento-fixture-token',
    accessTokenSecret: 'token secret é',
  };
  const client = { clientId: 'magento-fixture-client', clientSecret: 'magento-fixture-client-secret' };
  const problemOf = createSignatureCheck(keys);
  const plan = createFaultPlan(seed, options.faults ?? false);
  const asked: MagentoFault[] = [];
  const requests: string[] = [];
  let tokens = 0;
  const accessToken = (): string =>
    `${options.accessToken ?? 'magento-fixture-bearer'}${tokens === 0 ? '' : `-${String(tokens)}`}`;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const url = new URL(request.url ?? '/', origin());
    const text = await bodyOf(request);
    if (url.pathname === '/ims/token/v3') return send(response, tokenAnswer(new URLSearchParams(text)));
    const fault = asked.shift() ?? plan.next();
    if (fault.kind === 'token-ended') tokens += 1;
    const { authorization = '' } = request.headers;
    const problem = authorization.startsWith('OAuth ')
      ? problemOf(request.method ?? '', url, authorization)
      : authorization === `Bearer ${accessToken()}`
        ? undefined
        : "The consumer isn't authorized to access %resources.";
    if (problem !== undefined) return send(response, { status: 401, body: { message: problem } });
    const found = route(url, fault);
    const isOfServer = fault.kind !== 'token-ended' && fault.kind !== 'wrong-count';
    if (isOfServer && answerWithFault(fault, response, Buffer.from(stringify(found.body) ?? ''))) return;
    send(response, found);
  };
  const tokenAnswer = (form: URLSearchParams): MagentoFixtureAnswer => {
    const isClient =
      form.get('client_id') === client.clientId && form.get('client_secret') === client.clientSecret;
    return isClient
      ? { status: 200, body: { access_token: accessToken(), token_type: 'bearer', expires_in: 86_399 } }
      : { status: 400, body: { error: 'invalid_client' } };
  };
  const route = ({ pathname, searchParams }: URL, fault: MagentoFault): MagentoFixtureAnswer => {
    const [, path = ''] = /^\/(?:rest\/(?:all|default|fr)|tenant-1)\/V1\/(.+)$/.exec(pathname) ?? [];
    if (path === 'store/storeViews')
      return {
        status: 200,
        body: [
          { id: 1, code: 'default' },
          { id: 2, code: 'fr' },
        ],
      };
    const stream = Object.hasOwn(magentoPaths, path) ? magentoPaths[path] : undefined;
    if (stream === undefined) return { status: 404, body: { message: 'Request does not match any route.' } };
    const found = searchAnswer(state, stream, searchParams);
    return fault.kind === 'wrong-count'
      ? { ...found, body: { ...found.body, total_count: fault.count } }
      : found;
  };
  const server = createServer((request, response) => void answer(request, response));
  const origin = (): string => originOf(server);
  await listen(server);
  return {
    url: origin(),
    restUrl: `${origin()}/tenant-1`,
    tokenUrl: `${origin()}/ims/token/v3`,
    ...client,
    keys,
    accessToken,
    advance: () => state.advance(),
    isDone: () => state.isDone(),
    truth: (stream) => state.records(stream).map((record) => magentoRecord(stream, record)),
    failNext: (...faults) => void asked.push(...faults),
    setFaults: (isOn) => plan.setSeeded(isOn),
    requests: () => [...requests],
    close: () => closeServer(server),
  };
}

function send(response: ServerResponse, { status, body }: MagentoFixtureAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
