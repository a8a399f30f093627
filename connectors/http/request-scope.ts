import { AsyncLocalStorage } from 'node:async_hooks';
import { isPipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { RateBudgets, RateRule } from '../../core/rates/rate-state.js';
import { BudgetReader, type BudgetTicket } from './budget-reader.js';
import { rateTellingOf } from './rate-telling.js';
import type { HttpRequest, HttpResponse } from './types.js';

/** The work that requests belong to: one try of a task that reads through a connection. */
export interface RequestScopeOptions {
  readonly budgets: RateBudgets;
  readonly connection: string;
  readonly dag: string;
  /** A name that no other work has. */
  readonly holder: string;
  /** Limits that the connection declares for all of its requests. */
  readonly rules?: readonly RateRule[];
  readonly isFirstTry: boolean;
  /** Tests make it small. */
  readonly sliceMs?: number;
}

const scopes = new AsyncLocalStorage<RequestScope>();

/**
 * Does work all of whose requests take from the budgets of one connection, and give back what they did not use at its end.
 * The scope goes along with the work by itself: a source that is added cannot forget it.
 */
export async function inRequestScope<Result>(
  options: RequestScopeOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  const scope = new RequestScope(options);
  try {
    return await scopes.run(scope, work);
  } finally {
    await scope.close();
  }
}

/** The scope of the work that asks; `undefined` outside of any. */
export function requestScope(): RequestScope | undefined {
  return scopes.getStore();
}

/**
 * Sends a request when its budget allows it, and learns from the answer.
 *
 * @throws PipelineError SOURCE_RATE_LIMITED, OPS_UNAVAILABLE, and what `send` throws
 */
export async function withinBudget(
  request: HttpRequest,
  send: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const scope = requestScope();
  return scope === undefined ? send() : scope.send(request, send);
}

export class RequestScope {
  readonly #options: RequestScopeOptions;
  readonly #readers = new Map<string, BudgetReader>();
  #hasAnswers = false;
  #repeats: number;

  constructor(options: RequestScopeOptions) {
    this.#options = options;
    this.#repeats = options.isFirstTry ? limits.connectorMaxTries - 1 : 0;
  }

  get waitedMs(): number {
    return [...this.#readers.values()].reduce((sum, { waitedMs }) => sum + waitedMs, 0);
  }

  /**
   * Whether a request that failed may be sent again at once. A task has `limits.connectorMaxTries` less one of such repeats
   * in its first try, none in a later one, and one more for each `limits.repeatEarnedByAnswers` answers: so that they add up
   * with the tries of the task and never multiply.
   */
  takeRepeat(): boolean {
    if (this.#repeats < 1) return false;
    this.#repeats -= 1;
    return true;
  }

  async send(request: HttpRequest, send: () => Promise<HttpResponse>): Promise<HttpResponse> {
    const ticket = await this.#take(request);
    let answer: HttpResponse;
    try {
      answer = await send();
    } catch (error) {
      await ticket.failed(heldMsOf(error));
      throw error;
    }
    this.#hasAnswers = true;
    const most = limits.connectorMaxTries - 1;
    this.#repeats = Math.min(most, this.#repeats + 1 / limits.repeatEarnedByAnswers);
    const telling = request.rate?.telling?.(answer) ?? rateTellingOf(answer.headers);
    const units = request.rate?.cost?.(answer);
    await ticket.answered({
      ...(telling !== undefined && { telling }),
      ...(units !== undefined && { units }),
    });
    return answer;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#readers.values()].map((reader) => reader.close()));
  }

  /** A read that has begun rather waits for minutes than begins anew; one that has not gives its place to other work. */
  #take({ url, rate, source, signal }: HttpRequest): Promise<BudgetTicket> {
    return this.#readerOf(url.host, rate).take({
      units: rate?.units ?? 1,
      source,
      signal,
      maxWaitMs: this.#hasAnswers ? limits.rateLimitPauseMaxMs : limits.connectorRetryMaxMs,
    });
  }

  #readerOf(account: string, rate: HttpRequest['rate']): BudgetReader {
    const { budgets, connection, dag, holder, sliceMs } = this.#options;
    const bucket = rate?.bucket ?? 'requests';
    const rules = rate?.rules ?? (rate?.bucket === undefined ? this.#options.rules : undefined);
    const name = `${account} ${bucket}`;
    const known = this.#readers.get(name);
    if (known !== undefined) return known;
    const reader = new BudgetReader({
      budgets,
      key: { connection, account, bucket },
      holder,
      dag,
      ...(rules !== undefined && { rules }),
      ...(sliceMs !== undefined && { sliceMs }),
    });
    this.#readers.set(name, reader);
    return reader;
  }
}

/** A provider that says when to come again says it to everybody. */
function heldMsOf(error: unknown): number | undefined {
  if (!isPipelineError(error)) return undefined;
  if (error.code === 'SOURCE_RATE_LIMITED') return error.retryAfterMs ?? limits.rateLimitDefaultWaitMs;
  return error.code === 'SOURCE_UNAVAILABLE' ? error.retryAfterMs : undefined;
}
