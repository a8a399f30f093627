import { Ajv } from 'ajv';
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { PrivateAddressError, publicNetwork } from '../connectors/http/public-network.js';
import { noticeOf, type Alarm } from '../core/alarms.js';
import { PipelineError } from '../core/errors/index.js';
import {
  eventOfNotice,
  eventsOfRun,
  hookEventTypes,
  type HookEvent,
  type HookEventType,
} from '../core/hooks.js';
import { limits } from '../core/limits.js';
import type { AlarmStore } from '../ops/alarm-book.js';
import { hookBody, type HookStore } from '../ops/hook-store.js';
import type { ApiCallers, KnownCaller } from './api-callers.js';
import type { Answer } from './http-answer.js';
import { parseJsonBody } from './parse-json.js';
import type { ReadEndedRuns } from './poll-api.js';
import { checkBodyHead, readBody, type BodyBudget } from './read-body.js';

export interface HooksApiOptions {
  readonly callers: ApiCallers;
  /** Opens the operations store where needed. @throws PipelineError OPS_UNAVAILABLE */
  ops(): Promise<{ readonly hooks: HookStore; readonly alarms: Pick<AlarmStore, 'listOpen'> }>;
  readonly endedRuns: ReadEndedRuns;
  readonly allowPrivateNetwork: boolean;
  readonly logger: Logger;
}

const bodyRules = {
  types: ['application/json'],
  encodings: ['identity'],
  maxBytes: limits.apiBodyMaxBytes,
};

interface Subscription {
  readonly target_url: string;
  readonly event: HookEventType;
  readonly dag?: string;
}

const isSubscription = new Ajv({ allErrors: true }).compile<Subscription>({
  type: 'object',
  additionalProperties: false,
  required: ['target_url', 'event'],
  properties: {
    target_url: { type: 'string', minLength: 1, maxLength: limits.hookUrlMaxLength },
    event: { enum: hookEventTypes },
    dag: { type: 'string', minLength: 1 },
  },
});

/**
 * Lets platforms ask to be told (https://resthooks.org, https://docs.zapier.com/platform/build/cli-hook-trigger):
 * `POST /api/hooks`, `GET /api/hooks`, `DELETE /api/hooks/ID`, and `GET /api/hooks/sample` for what they will be sent.
 */
export class HooksApi {
  readonly #options: HooksApiOptions;
  readonly #budget: BodyBudget = {
    maxBytes: limits.apiBodyMaxBytes * limits.apiMaxInFlight,
    heldBytes: 0,
  };

  constructor(options: HooksApiOptions) {
    this.#options = options;
  }

  /**
   * Answers a request to an address below `/api/hooks`.
   *
   * @throws PipelineError API_*, GATEWAY_*, HOOK_*, SECRET_*, OPS_UNAVAILABLE
   */
  async answer(path: readonly string[], request: IncomingMessage): Promise<Answer> {
    const [id, ...rest] = path;
    if (rest.length > 0 || id === '') throw new PipelineError('GATEWAY_NOT_FOUND', { what: 'such address' });
    if (id === undefined) return this.#all(request);
    const isSample = id === 'sample';
    const allowed = isSample ? 'GET' : 'DELETE';
    if (request.method !== allowed) throw new PipelineError('GATEWAY_METHOD', { allowed });
    const caller = await this.#options.callers.authenticate(request.headers);
    return isSample ? this.#sample(caller, request) : this.#remove(caller, id);
  }

  async #all(request: IncomingMessage): Promise<Answer> {
    if (request.method === 'POST') return this.#subscribe(request);
    if (request.method !== 'GET') throw new PipelineError('GATEWAY_METHOD', { allowed: 'GET, POST' });
    const caller = await this.#options.callers.authenticate(request.headers);
    const { hooks } = await this.#options.ops();
    const own = await hooks.list(caller.name);
    return { status: 200, body: { hooks: own.map(({ caller: _own, ...hook }) => hook) } };
  }

  async #subscribe(request: IncomingMessage): Promise<Answer> {
    checkBodyHead(request, bodyRules);
    const caller = await this.#options.callers.authenticate(request.headers);
    const { url, event, dag } = await this.#subscription(request);
    if (dag !== undefined) caller.assertMayUse(dag);
    else if (caller.dagIds?.length === 0)
      throw new PipelineError('API_FORBIDDEN', { caller: caller.name, what: 'any DAG', list: 'dags' });
    const { hooks } = await this.#options.ops();
    const { id, secret, isNew } = await hooks.add({
      caller: caller.name,
      event,
      url,
      ...(dag !== undefined && { dagId: dag }),
    });
    this.#options.logger.info({ caller: caller.name, hook: id, event, isNew }, 'api: hook asked for');
    return {
      status: isNew ? 201 : 200,
      body: { id, event, ...(dag !== undefined && { dag }), secret },
      headers: { location: `/api/hooks/${id}` },
    };
  }

  async #remove({ name }: KnownCaller, id: string): Promise<Answer> {
    const { hooks } = await this.#options.ops();
    if (!(await hooks.remove(id, name))) throw new PipelineError('HOOK_NOT_FOUND', { id: id.slice(0, 64) });
    this.#options.logger.info({ caller: name, hook: id }, 'api: hook removed');
    return { status: 200, body: { id, removed: true } };
  }

  /** What hooks of an event are sent, of the caller's newest; a made-up one where there is none. */
  async #sample(caller: KnownCaller, request: IncomingMessage): Promise<Answer> {
    const asked = new URLSearchParams(request.url?.split('?')[1] ?? '').get('event') ?? 'run.ended';
    const type = hookEventTypes.find((name) => name === asked);
    if (type === undefined)
      throw new PipelineError('GATEWAY_REQUEST_INVALID', {
        reason: `"event" must be one of ${hookEventTypes.join(', ')}`,
      });
    const found = await this.#newest(caller, type);
    const events = found.length > 0 ? found : [example(type)];
    return { status: 200, body: events.map((event) => JSON.parse(hookBody(event).text) as unknown) };
  }

  async #newest({ dagIds }: KnownCaller, type: HookEventType): Promise<HookEvent[]> {
    if (dagIds?.length === 0) return [];
    const limit = limits.hookSamples;
    if (type === 'run.ended' || type === 'run.failed') {
      const runs = await this.#options.endedRuns({
        limit,
        ...(dagIds && { dagIds }),
        ...(type === 'run.failed' && { state: 'failed' as const }),
      });
      return runs.flatMap(eventsOfRun).filter((event) => event.type === type);
    }
    if (type === 'alarm.recovered') return [];
    const open = await (await this.#options.ops()).alarms.listOpen();
    return open
      .filter(({ dagId }) => dagIds === undefined || dagIds.includes(dagId))
      .slice(-limit)
      .map((alarm) => eventOfNotice(noticeOf(alarm, 'raised', alarm.raisedAt)));
  }

  /** @throws PipelineError GATEWAY_REQUEST_INVALID naming every problem */
  async #subscription(
    request: IncomingMessage,
  ): Promise<{ readonly url: URL; readonly event: HookEventType; readonly dag?: string }> {
    const { bytes, release } = await readBody(request, this.#budget, limits.apiBodyMaxBytes);
    try {
      const { value } = parseJsonBody(bytes);
      if (!isSubscription(value))
        throw invalid(
          (isSubscription.errors ?? []).map(
            ({ instancePath, message = 'is not valid', params }) =>
              `body${instancePath} ${message}${'allowedValues' in params ? ` (${hookEventTypes.join(', ')})` : ''}`,
          ),
        );
      const { target_url: address, event, dag } = value as Subscription;
      const problem = addressProblem(address, this.#options.allowPrivateNetwork);
      if (problem !== undefined) throw invalid([`body/target_url ${problem}`]);
      return { url: new URL(address), event, ...(dag !== undefined && { dag }) };
    } finally {
      release();
    }
  }
}

function invalid(problems: readonly string[]): PipelineError {
  return new PipelineError('GATEWAY_REQUEST_INVALID', { reason: problems.join('; ') });
}

/** Why an address is none to tell; its name is looked up, and what it leads to judged, with each delivery. */
function addressProblem(address: string, allowPrivateNetwork: boolean): string | undefined {
  if (!URL.canParse(address)) return 'is not an address';
  const url = new URL(address);
  const protocols = allowPrivateNetwork ? ['https:', 'http:'] : ['https:'];
  if (!protocols.includes(url.protocol)) return 'must begin with https://';
  if (url.username !== '' || url.password !== '') return 'must hold no user and no password';
  if (url.hash !== '') return 'must hold no fragment';
  if (allowPrivateNetwork) return undefined;
  try {
    publicNetwork.refuseLiteral(url);
  } catch (error) {
    if (error instanceof PrivateAddressError) return 'is not in the public Internet';
    throw error;
  }
  return undefined;
}

/** An event as it may be, for a platform that is set up before anything happened. */
function example(type: HookEventType): HookEvent {
  const [startedAt, at] = ['2026-01-01T03:00:00.000Z', '2026-01-01T03:01:00.000Z'];
  if (type === 'run.ended' || type === 'run.failed') {
    const run = {
      workflowId: 'millrace.manual.orders-example',
      runId: '00000000-0000-4000-8000-000000000000',
      dagId: 'orders',
      runType: 'manual',
      specHash: '',
      state: type === 'run.failed' ? 'failed' : 'success',
      startedAt,
      endedAt: at,
      params: {},
    } as const;
    const [event] = eventsOfRun(run) as [HookEvent];
    return { ...event, type };
  }
  const alarm: Alarm = {
    id: `orders/run-failed/${at}`,
    dagId: 'orders',
    kind: 'run-failed',
    raisedAt: at,
    count: 1,
    lastAt: at,
    message: 'DAG "orders": run millrace.manual.orders-example failed',
  };
  return eventOfNotice(noticeOf(alarm, type === 'alarm.raised' ? 'raised' : 'recovered', at));
}
