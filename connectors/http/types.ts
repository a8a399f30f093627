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
  /** Media type that an answer must have, such as `application/json`. */
  readonly accept?: string;
}

/** A whole answer with status 2xx. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}
