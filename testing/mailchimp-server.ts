import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer, listen, originOf } from './listen.js';
import {
  mailchimpAnswer,
  mailchimpListId,
  mailchimpProblem,
  type MailchimpAnswer,
} from './mailchimp-answers.js';
import {
  createMailchimpState,
  type MailchimpFixtureActivity,
  type MailchimpFixtureCampaign,
  type MailchimpFixtureMember,
  type MailchimpScript,
} from './mailchimp-state.js';
import { answerWithFault, createFaultPlan, type ShopFault } from './shop-faults.js';

/** What can go wrong with one request. */
export type MailchimpFault = ShopFault;

/** Options of `createMailchimpServer`; each has a default. */
export interface MailchimpServerOptions extends Partial<MailchimpScript> {
  /** Key, and access token of a login. */
  readonly apiKey?: string;
  /** Seeded faults on about one request in six; default false. */
  readonly faults?: boolean;
  /** The very second of a lower bound is part of the answer, which the documentation leaves open; default false. */
  readonly isInclusive?: boolean;
}

/** A running fixture account. */
export interface MailchimpServer {
  /** Origin; the `url` of a Mailchimp connection, and the `loginUrl` of one with a login. */
  readonly url: string;
  readonly apiKey: string;
  /** Id of its audience. */
  readonly listId: string;
  /** One step of the script: imported and changed members, a new campaign, new activity, some of it told late. */
  advance(): void;
  isDone(): boolean;
  /** One member changes now. */
  touch(contactId: string): void;
  /** One member is deleted for good. */
  forget(contactId: string): void;
  members(): readonly MailchimpFixtureMember[];
  campaigns(): readonly MailchimpFixtureCampaign[];
  activities(): readonly MailchimpFixtureActivity[];
  failNext(...faults: readonly MailchimpFault[]): void;
  requests(): readonly string[];
  close(): Promise<void>;
}

/** The API takes so many requests of one account at a time. */
const maxConnections = 10;

/**
 * Starts an HTTP server shaped as Mailchimp's Marketing API (members of an audience, campaigns, e-mail activity, the account,
 * the metadata of a login) for tests and demonstrations: seeded records that change step by step, pages by position, ten
 * connections at a time, problem documents, and faults on demand.
 */
export async function createMailchimpServer(options: MailchimpServerOptions = {}): Promise<MailchimpServer> {
  const seed = options.seed ?? 1;
  const apiKey = options.apiKey ?? 'fixture0123456789-us6';
  const state = createMailchimpState({
    seed,
    members: options.members ?? 60,
    imported: options.imported ?? 3,
    steps: options.steps ?? 10,
    stepMs: options.stepMs ?? 30_000,
    startAt: options.startAt ?? '2026-01-05T08:00:00Z',
  });
  const plan = createFaultPlan(seed, options.faults ?? false);
  const requests: string[] = [];
  let open = 0;

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', originOf(server));
    requests.push(request.url ?? '');
    open += 1;
    response.once('close', () => (open -= 1));
    const { authorization = '' } = request.headers;
    if (url.pathname === '/oauth2/metadata') {
      // A token that is not known is answered with status 200.
      const isKnown = authorization === `OAuth ${apiKey}`;
      const body = isKnown ? { dc: 'us6', api_endpoint: originOf(server) } : { error: 'invalid_token' };
      return send(response, { status: 200, body });
    }
    if (!isAuthorized(authorization, apiKey)) return send(response, mailchimpProblem(401, 'API Key Invalid'));
    if (open > maxConnections) return send(response, mailchimpProblem(429, 'Too Many Requests'));
    const fault = plan.next();
    const answer = mailchimpAnswer(state, url.pathname.replace(/^\/3\.0\//, ''), url.searchParams, {
      isInclusive: options.isInclusive ?? false,
      isLoop: fault.kind === 'loop',
      isEndless: fault.kind === 'endless',
    });
    if (answerWithFault(fault, response, Buffer.from(JSON.stringify(answer.body)))) return;
    send(response, answer);
  };
  const server = createServer(handle);
  await listen(server);
  return {
    url: originOf(server),
    apiKey,
    listId: mailchimpListId,
    advance: () => state.advance(),
    isDone: () => state.isDone(),
    touch: (contactId) => state.touch(contactId),
    forget: (contactId) => state.forget(contactId),
    members: () => [...state.members.values()],
    campaigns: () => [...state.campaigns],
    activities: () => [...state.activities],
    failNext: (...faults) => plan.queue(faults),
    requests: () => [...requests],
    close: () => closeServer(server),
  };
}

/** Basic with any name and the key, or a token. */
function isAuthorized(authorization: string, apiKey: string): boolean {
  if (authorization === `Bearer ${apiKey}`) return true;
  const basic = /^Basic (.+)$/.exec(authorization)?.[1];
  return basic !== undefined && Buffer.from(basic, 'base64').toString().split(':')[1] === apiKey;
}

function send(response: ServerResponse, { status, body }: MailchimpAnswer): void {
  const type = status < 400 ? 'application/json; charset=utf-8' : 'application/problem+json; charset=utf-8';
  response.writeHead(status, { 'content-type': type });
  response.end(JSON.stringify(body));
}
