import type { PublicNetwork } from './public-network.js';

/** One request of a source. Names appear in error messages; header values and query strings never do. */
export interface HttpRequest {
  /** The connector's name, for messages. */
  readonly source: string;
  /** The connection's name, for messages. */
  readonly connection?: string;
  readonly url: URL;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Cancels the request and the waits between tries. */
  readonly signal: AbortSignal;
  /** From connect to the last byte; default `limits.sourceRequestTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Size of the answer after decompression; default `limits.sourceBodyMaxBytes`. */
  readonly maxBytes?: number;
  /** Media type that an answer must have; `application/json` also takes types that end with `+json` (RFC 6839). */
  readonly accept?: string;
  /** Only hosts of the public Internet are connected to; absent: any host. */
  readonly network?: PublicNetwork;
  /** How long a 429 without `Retry-After` asks to wait, from its headers and its body of at most `limits.sourceErrorBodyMaxBytes`. */
  readonly rateLimitWaitMs?: (headers: Headers, body: string) => number | undefined;
}

/** A whole answer with status 2xx. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}
