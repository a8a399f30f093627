import { randomUUID, type KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { Answer } from './http-answer.js';
import { inboxLine } from './inbox-line.js';
import type { InboxWriter } from './inbox-writer.js';
import { parseJsonBody } from './parse-json.js';
import { checkBodyHead, decompress, readBody, type BodyBudget } from './read-body.js';
import { SeenEvents } from './seen-events.js';
import { readSegmentCall, type SegmentCall } from './segment-api.js';
import { isSigned, readSignatureHead } from './webhook-signature.js';
import { WriteKeys } from './write-key.js';

/** Signing keys of one webhook source, decoded. */
export type SigningKeys = ReadonlyMap<string, readonly KeyObject[]>;

export interface ReceiverOptions {
  readonly inbox: InboxWriter;
  readonly writeKeys: readonly string[];
  readonly signingKeys: SigningKeys;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Turns requests into durable inbox lines: nothing is answered with 2xx before its line is on the disk. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #writeKeys: WriteKeys;
  readonly #budget: BodyBudget = { maxBytes: limits.gatewayMaxBufferedBytes, heldBytes: 0 };
  readonly #seen = new Map<string, SeenEvents>();
  readonly #inFlight = new Map<string, number>();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#writeKeys = new WriteKeys(options.writeKeys);
  }

  /**
   * A call of the Segment API.
   * @throws PipelineError GATEWAY_*
   */
  segment(call: SegmentCall, request: IncomingMessage): Promise<Answer> {
    this.#writeKeys.assertConfigured();
    checkBodyHead(request, ['identity', 'gzip']);
    return this.#inTurn('segment', request, async (raw) => {
      const bytes = await decompress(raw, request.headers['content-encoding']);
      const { writeKey, messageIds, problems } = readSegmentCall(call, parseJsonBody(bytes));
      this.#writeKeys.assertKnown(request.headers, writeKey);
      const isRepeat = await this.#keep('segment', messageIds, { source: 'segment', endpoint: call }, bytes);
      return {
        status: 200,
        body: {
          success: true,
          ...(isRepeat && { duplicate: true }),
          ...(problems.length > 0 && { errors: problems }),
        },
        headers: { 'access-control-allow-origin': '*' },
      };
    });
  }

  /**
   * A signed delivery of a webhook source. The signature is checked over the bytes as sent, before anything looks into
   * them.
   * @throws PipelineError GATEWAY_*
   */
  webhook(source: string, request: IncomingMessage): Promise<Answer> {
    const keys = this.#options.signingKeys.get(source);
    if (keys === undefined)
      throw new PipelineError('GATEWAY_NOT_FOUND', { what: `webhook source "${source}"` });
    if (keys.length === 0)
      throw new PipelineError('GATEWAY_NO_KEY', {
        what: `webhook source "${source}"`,
        setting: `gateway.webhooks.${source}.secrets`,
      });
    checkBodyHead(request, ['identity']);
    const refuse = (reason: string) => new PipelineError('GATEWAY_SIGNATURE', { source, reason });
    const head = readSignatureHead(request.headers, this.#options.now());
    if (typeof head === 'string') throw refuse(head);
    return this.#inTurn(source, request, async (bytes) => {
      if (!isSigned(head, bytes, keys)) throw refuse('no signature fits');
      parseJsonBody(bytes);
      const isRepeat = await this.#keep(
        `webhooks/${source}`,
        [head.id],
        { source, endpoint: 'webhook', eventId: head.id },
        bytes,
      );
      return { status: 200, body: { accepted: true, ...(isRepeat && { duplicate: true }) } };
    });
  }

  /** Resolves to true where the events were durable already. */
  #keep(
    stream: string,
    ids: readonly string[],
    head: { readonly source: string; readonly endpoint: string; readonly eventId?: string },
    bytes: Buffer,
  ): Promise<boolean> {
    let seen = this.#seen.get(stream);
    if (seen === undefined) this.#seen.set(stream, (seen = new SeenEvents(limits.gatewayRememberedIds)));
    return seen.writeOnce(ids, () => {
      const receivedAt = new Date(this.#options.now()).toISOString();
      return this.#options.inbox.append(
        stream,
        inboxLine({ receivedAt, requestId: randomUUID(), ...head }, bytes),
      );
    });
  }

  /** Reads the body and works on it, with a bounded number of requests of one source at a time. */
  async #inTurn(
    source: string,
    request: IncomingMessage,
    work: (bytes: Buffer) => Promise<Answer>,
  ): Promise<Answer> {
    const inFlight = this.#inFlight.get(source) ?? 0;
    if (inFlight >= limits.gatewayMaxInFlightPerSource) {
      throw new PipelineError(
        'GATEWAY_BUSY',
        { source, allowed: limits.gatewayMaxInFlightPerSource, retryAfterMs: limits.gatewayRetryAfterMs },
        { retryAfterMs: limits.gatewayRetryAfterMs },
      );
    }
    this.#inFlight.set(source, inFlight + 1);
    try {
      const { bytes, release } = await readBody(request, this.#budget);
      try {
        return await work(bytes);
      } finally {
        release();
      }
    } finally {
      this.#inFlight.set(source, (this.#inFlight.get(source) ?? 1) - 1);
    }
  }
}
