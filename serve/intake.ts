import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { Answer } from './http-answer.js';
import { inboxLine, type LineHead } from './inbox-line.js';
import type { InboxWriter } from './inbox-writer.js';
import { readBody, type BodyBudget, type HeldBody } from './read-body.js';
import { SeenEvents } from './seen-events.js';

export interface IntakeOptions {
  readonly inbox: InboxWriter;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Time in which a body has to be whole. Default `gatewayRequestTimeoutMs`. */
  readonly bodyTimeoutMs?: number;
}

/** What a caller of `append` knows of a line; the rest of its head is made here. */
export type LineFacts = Omit<LineHead, 'receivedAt' | 'requestId'>;

/** The way of a request's body into the inbox, the same for all that the gateway takes: bounded, and written once. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #budget: BodyBudget;
  readonly #seen = new Map<string, SeenEvents>();
  readonly #inFlight = new Map<string, number>();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#budget = {
      maxBytes: limits.gatewayMaxBufferedBytes,
      heldBytes: 0,
      ...(options.bodyTimeoutMs !== undefined && { timeoutMs: options.bodyTimeoutMs }),
    };
  }

  /**
   * Writes once for all of these ids; resolves to true where the events were durable already.
   *
   * @param binding must be the same whenever the first id comes again
   * @throws BindingConflict
   */
  keep(
    stream: string,
    ids: readonly string[],
    write: () => Promise<void>,
    binding?: string,
  ): Promise<boolean> {
    let seen = this.#seen.get(stream);
    if (seen === undefined) this.#seen.set(stream, (seen = new SeenEvents(limits.gatewayRememberedIds)));
    return seen.writeOnce(ids, write, binding);
  }

  /** Resolves when the line is on the disk. @throws PipelineError GATEWAY_UNAVAILABLE */
  append(stream: string, head: LineFacts, body: Buffer): Promise<void> {
    const receivedAt = new Date(this.#options.now()).toISOString();
    return this.#options.inbox.append(
      stream,
      inboxLine({ receivedAt, requestId: randomUUID(), ...head }, body),
    );
  }

  /** Reads the body and works on it, with a bounded number of requests of one source at a time. */
  async withBody(
    source: string,
    request: IncomingMessage,
    maxBytes: number,
    work: (bytes: Buffer) => Promise<Answer>,
  ): Promise<Answer> {
    this.#enter(source, limits.gatewayMaxInFlightPerSource);
    let held: HeldBody | undefined;
    try {
      held = await readBody(request, this.#budget, maxBytes);
      return await work(held.bytes);
    } finally {
      held?.release();
      this.#leave(source);
    }
  }

  /** @throws PipelineError GATEWAY_BUSY where as many requests of the source as are allowed are in work */
  async inTurn<Result>(source: string, allowed: number, work: () => Promise<Result>): Promise<Result> {
    this.#enter(source, allowed);
    try {
      return await work();
    } finally {
      this.#leave(source);
    }
  }

  #enter(source: string, allowed: number): void {
    const inFlight = this.#inFlight.get(source) ?? 0;
    if (inFlight >= allowed) {
      const retryAfterMs = limits.gatewayRetryAfterMs;
      throw new PipelineError('GATEWAY_BUSY', { source, allowed, retryAfterMs }, { retryAfterMs });
    }
    this.#inFlight.set(source, inFlight + 1);
  }

  #leave(source: string): void {
    this.#inFlight.set(source, (this.#inFlight.get(source) ?? 1) - 1);
  }
}
