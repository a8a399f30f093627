import { Ajv } from 'ajv';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { PipelineError } from '../core/errors/index.js';
import type { DataInterval } from '../core/interval.js';
import type { JsonObject } from '../core/json.js';
import { limits } from '../core/limits.js';
import type { ApiCallers } from './api-callers.js';
import type { Answer } from './http-answer.js';
import { unquoted } from './idempotency-key.js';
import { parseJsonBody } from './parse-json.js';
import { checkBodyHead, readBody, type BodyBudget } from './read-body.js';

/** A run that a caller asks for. */
export interface RunRequest {
  readonly dagId: string;
  /** Names the run: asked for again, it is the same run. */
  readonly runId: string;
  readonly interval?: DataInterval;
  readonly params?: JsonObject;
  readonly triggeredBy: string;
}

/** How a run stands. */
export interface RunView {
  readonly workflowId: string;
  readonly state: 'running' | 'success' | 'failed' | 'cancelled';
  readonly startedAt: string;
  readonly endedAt?: string;
  /** State of each task, once the run has ended. */
  readonly tasks?: Readonly<Record<string, string>>;
}

/** Where runs are started; the composition root gives the one of Temporal. */
export interface RunStarter {
  /** @throws PipelineError DAG_NOT_FOUND, PARAMS_INVALID, API_RUN_DIFFERS, TEMPORAL_UNAVAILABLE */
  start(request: RunRequest): Promise<{ readonly workflowId: string; readonly isNew: boolean }>;
  /** @throws PipelineError RUN_NOT_FOUND, TEMPORAL_UNAVAILABLE */
  show(dagId: string, runId: string): Promise<RunView>;
}

export interface RunsApiOptions {
  readonly callers: ApiCallers;
  readonly starter: RunStarter;
  readonly logger: Logger;
}

const bodyRules = {
  types: ['application/json', 'application/octet-stream'],
  encodings: ['identity'],
  maxBytes: limits.apiBodyMaxBytes,
  mayLackBody: true,
};
const runIdPattern = '^[A-Za-z0-9][A-Za-z0-9._:+-]{0,199}$';

interface TriggerBody {
  readonly runId?: string;
  readonly interval?: DataInterval;
  readonly params?: JsonObject;
}

const isTrigger = new Ajv({ allErrors: true }).compile<TriggerBody>({
  type: 'object',
  additionalProperties: false,
  properties: {
    runId: { type: 'string', pattern: runIdPattern },
    interval: {
      type: 'object',
      additionalProperties: false,
      required: ['start', 'end'],
      properties: { start: { type: 'string' }, end: { type: 'string' } },
    },
    params: { type: 'object' },
  },
});

/**
 * Lets schedulers and platforms start runs and look at them: `POST /api/dags/DAG/runs`, `GET /api/dags/DAG/runs/RUN`.
 * A run has a name, from the body or the `Idempotency-Key` header, under which it starts once.
 */
export class RunsApi {
  readonly #callers: ApiCallers;
  readonly #starter: RunStarter;
  readonly #logger: Logger;
  readonly #budget: BodyBudget = {
    maxBytes: limits.apiBodyMaxBytes * limits.apiMaxInFlight,
    heldBytes: 0,
  };
  #inFlight = 0;

  constructor({ callers, starter, logger }: RunsApiOptions) {
    this.#callers = callers;
    this.#starter = starter;
    this.#logger = logger;
  }

  /**
   * Answers a request to an address below `/api/`.
   *
   * @throws PipelineError API_*, GATEWAY_*, and those of the starter
   */
  async answer(path: readonly string[], request: IncomingMessage): Promise<Answer> {
    const [dags, dagId, runs, runId, ...rest] = path;
    if (dags !== 'dags' || dagId === undefined || dagId === '' || runs !== 'runs' || rest.length > 0)
      throw new PipelineError('GATEWAY_NOT_FOUND', { what: 'such address' });
    const allowed = runId === undefined ? 'POST' : 'GET';
    if (request.method !== allowed) throw new PipelineError('GATEWAY_METHOD', { allowed });
    if (this.#inFlight >= limits.apiMaxInFlight)
      throw new PipelineError(
        'GATEWAY_BUSY',
        { source: 'api', allowed: limits.apiMaxInFlight, retryAfterMs: limits.apiBusyRetryAfterMs },
        { retryAfterMs: limits.apiBusyRetryAfterMs },
      );
    this.#inFlight += 1;
    try {
      return runId === undefined
        ? await this.#trigger(dagId, request)
        : await this.#show(dagId, runId, request);
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #trigger(dagId: string, request: IncomingMessage): Promise<Answer> {
    checkBodyHead(request, bodyRules);
    const caller = await this.#callers.authenticate(request.headers);
    caller.assertMayUse(dagId);
    const { runId, ...asked } = await this.#body(request);
    const name = runId ?? randomUUID();
    const { workflowId, isNew } = await this.#starter.start({
      ...asked,
      dagId,
      runId: name,
      triggeredBy: `api:${caller.name}`,
    });
    this.#logger.info({ caller: caller.name, dagId, workflowId, isNew }, 'api: run asked for');
    return {
      status: isNew ? 201 : 200,
      body: { dagId, runId: name, workflowId, isNew },
      headers: { location: `/api/dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(name)}` },
    };
  }

  async #show(dagId: string, runId: string, request: IncomingMessage): Promise<Answer> {
    const caller = await this.#callers.authenticate(request.headers);
    caller.assertMayUse(dagId);
    return { status: 200, body: { dagId, runId, ...(await this.#starter.show(dagId, runId)) } };
  }

  /** @throws PipelineError GATEWAY_REQUEST_INVALID naming every problem */
  async #body(request: IncomingMessage): Promise<TriggerBody> {
    const { bytes, release } = await readBody(request, this.#budget, limits.apiBodyMaxBytes);
    try {
      const value = bytes.length === 0 ? {} : parseJsonBody(bytes).value;
      const key = request.headers['idempotency-key'];
      const problems = isTrigger(value)
        ? [...keyProblems(key, value.runId), ...intervalProblems(value.interval)]
        : (isTrigger.errors ?? []).map(
            ({ instancePath, message = 'is not valid', params }) =>
              `body${instancePath} ${message}${'additionalProperty' in params ? ` ("${String(params['additionalProperty'])}")` : ''}`,
          );
      if (problems.length > 0)
        throw new PipelineError('GATEWAY_REQUEST_INVALID', { reason: problems.join('; ') });
      const body = value as TriggerBody;
      if (typeof key === 'string') return { ...body, runId: unquoted(key) };
      const scheduled = body.runId === undefined ? scheduledRunId(request.headers) : undefined;
      return scheduled === undefined ? body : { ...body, runId: scheduled };
    } finally {
      release();
    }
  }
}

function keyProblems(key: string | string[] | undefined, runId: string | undefined): string[] {
  if (key === undefined) return [];
  if (typeof key !== 'string' || !new RegExp(runIdPattern).test(unquoted(key)))
    return [`header Idempotency-Key must match pattern "${runIdPattern}"`];
  return runId !== undefined && runId !== unquoted(key)
    ? ['body/runId and header Idempotency-Key differ; send one of them']
    : [];
}

/**
 * The name of a run that Google Cloud Scheduler asks for: its job and the time of its schedule, which all tries of one call
 * have (https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs, "headers").
 */
function scheduledRunId(headers: IncomingHttpHeaders): string | undefined {
  const { 'x-cloudscheduler-jobname': job, 'x-cloudscheduler-scheduletime': time } = headers;
  if (typeof job !== 'string' || typeof time !== 'string') return undefined;
  const runId = `${job.split('/').at(-1) ?? ''}:${time}`;
  return new RegExp(runIdPattern).test(runId) ? runId : undefined;
}

function intervalProblems(interval: DataInterval | undefined): string[] {
  if (interval === undefined) return [];
  const [start, end] = [interval.start, interval.end].map((time) => Date.parse(time));
  if (start === undefined || end === undefined || Number.isNaN(start) || Number.isNaN(end))
    return ['body/interval has a time that is not ISO 8601'];
  return start < end ? [] : ['body/interval ends before it starts'];
}
