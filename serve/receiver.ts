import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { BodyCheck, WebhookVerdict } from '../connectors/webhook/provider.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { DeliveryCounter } from './delivery-counts.js';
import type { Answer } from './http-answer.js';
import type { Intake, LineFacts } from './intake.js';
import { parseJsonBody } from './parse-json.js';
import { checkBodyHead, decompress } from './read-body.js';
import { BindingConflict } from './seen-events.js';
import { readSegmentCall, type SegmentCall } from './segment-api.js';
import type { WebhookEndpoint } from './webhook-endpoint.js';
import { WriteKeys } from './write-key.js';

export interface ReceiverOptions {
  readonly intake: Intake;
  readonly writeKeys: readonly string[];
  readonly endpoints: ReadonlyMap<string, WebhookEndpoint>;
  readonly counter: DeliveryCounter;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const segmentBody = {
  // Browsers send text/plain where they may not ask first (sendBeacon); RudderStack's client calls its gzip a form.
  types: ['application/json', 'text/plain', 'application/x-www-form-urlencoded'],
  encodings: ['identity', 'gzip'],
  maxBytes: limits.gatewayBodyMaxBytes,
};

/** Turns requests into durable inbox lines: nothing is answered with 2xx before its line is on the disk. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #writeKeys: WriteKeys;

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
    checkBodyHead(request, segmentBody);
    return this.#options.intake.withBody('segment', request, segmentBody.maxBytes, async (raw) => {
      const bytes = await decompress(raw, request.headers['content-encoding']);
      const { writeKey, messageIds, problems } = readSegmentCall(call, parseJsonBody(bytes), bytes.length);
      this.#writeKeys.assertKnown(request.headers, writeKey);
      const isRepeat = await this.#keep('segment', messageIds, bytes, {
        source: 'segment',
        endpoint: call,
        isGpc: request.headers['sec-gpc'] === '1',
      });
      this.#options.counter.kept('segment', isRepeat);
      return {
        status: 200,
        body: {
          success: true,
          ...(isRepeat && { duplicate: true }),
          ...(problems.length > 0 && { errors: problems }),
        },
      };
    });
  }

  /**
   * A delivery to a webhook source. It is checked over the bytes as sent, before anything looks into them.
   * @throws PipelineError GATEWAY_*
   */
  webhook(source: string, request: IncomingMessage): Promise<Answer> {
    const endpoint = this.#endpoint(source);
    const { verifier } = endpoint;
    if (verifier === undefined)
      throw new PipelineError('GATEWAY_NO_KEY', {
        what: `webhook source "${source}"`,
        setting: `gateway.webhooks.${source}.secrets`,
      });
    checkBodyHead(request, {
      types: endpoint.bodyTypes,
      encodings: ['identity'],
      maxBytes: limits.webhookBodyMaxBytes,
    });
    const clientFingerprint = fingerprintOf(request);
    const check = verifier.begin({
      headers: request.headers,
      query: queryOf(request),
      nowMs: this.#options.now(),
      ...(clientFingerprint !== undefined && { clientFingerprint }),
    });
    if (typeof check === 'string') throw this.#refuse(source, check);
    return this.#options.intake.withBody(source, request, limits.webhookBodyMaxBytes, (body) =>
      this.#judge(endpoint, check, body),
    );
  }

  /**
   * A GET or HEAD by which a provider looks whether the address is there.
   * @throws PipelineError GATEWAY_NOT_FOUND, GATEWAY_METHOD
   */
  greet(source: string, method: string, query: URLSearchParams): Answer {
    const { verifier } = this.#endpoint(source);
    if (method === 'HEAD') return { status: 200, body: {} };
    const body = verifier?.challenge?.(query);
    if (body === undefined) throw new PipelineError('GATEWAY_METHOD', { allowed: 'POST' });
    return { status: 200, body };
  }

  async #judge(endpoint: WebhookEndpoint, check: BodyCheck, body: Buffer): Promise<Answer> {
    const { source, provider } = endpoint;
    const found = check(body);
    const verdict: WebhookVerdict = found instanceof Promise ? await found : found;
    if ('refused' in verdict) throw this.#refuse(source, verdict.refused);
    if ('answered' in verdict) return { status: 200, body: verdict.answered };
    const { id, repeatKey = id, binding, json = body, kept } = verdict.accepted;
    parseJsonBody(json);
    let isRepeat: boolean;
    try {
      const head = { source, endpoint: 'webhook', provider, eventId: id, kept };
      isRepeat = await this.#keep(`webhooks/${source}`, [repeatKey], json, head, binding);
    } catch (error) {
      if (error instanceof BindingConflict)
        throw this.#refuse(source, 'its signature was used for another body already');
      throw error;
    }
    this.#options.counter.kept(source, isRepeat);
    return isRepeat ? repeated : accepted;
  }

  #endpoint(source: string): WebhookEndpoint {
    const endpoint = this.#options.endpoints.get(source);
    if (endpoint !== undefined) return endpoint;
    throw new PipelineError('GATEWAY_NOT_FOUND', { what: `webhook source "${source}"` });
  }

  #refuse(source: string, reason: string): PipelineError {
    this.#options.counter.refused(source, reason, this.#options.now());
    return new PipelineError('GATEWAY_SIGNATURE', { source, reason });
  }

  /** Resolves to true where the events were durable already. */
  #keep(
    stream: string,
    ids: readonly string[],
    bytes: Buffer,
    head: LineFacts,
    binding?: string,
  ): Promise<boolean> {
    const { intake } = this.#options;
    return intake.keep(stream, ids, () => intake.append(stream, head, bytes), binding);
  }
}

const accepted: Answer = { status: 200, body: Object.freeze({ accepted: true }) };
const repeated: Answer = { status: 200, body: Object.freeze({ accepted: true, duplicate: true }) };

const noQuery = new URLSearchParams();

function queryOf({ url = '' }: IncomingMessage): URLSearchParams {
  const at = url.indexOf('?');
  return at < 0 ? noQuery : new URLSearchParams(url.slice(at + 1));
}

/** SHA-256 of the client's certificate, if TLS has found that a configured authority made it. */
function fingerprintOf({ socket }: IncomingMessage): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  return socket.getPeerCertificate().fingerprint256;
}
