import type { PipelineError } from '../../core/errors/index.js';
import type { RateRule, RateTelling } from '../../core/rates/rate-state.js';
import type { PublicNetwork } from './public-network.js';

/** What authorises the requests of a connection. Header values are secrets: they go into requests, never into messages. */
export interface Credentials {
  /** The connection's name, for messages. */
  readonly connection?: string;
  /**
   * Headers of the next request; fetches or renews a token where it must. A signature is made of `target`, anew for each try.
   *
   * @throws PipelineError SOURCE_UNAVAILABLE, SOURCE_RATE_LIMITED, OAUTH_*, SECRET_*
   */
  headers(signal: AbortSignal, target?: RequestTarget): Promise<Readonly<Record<string, string>>>;
  /**
   * Called when a request with the headers `refused` was answered 401; the next `headers()` differ from them. Absent where
   * nothing can be renewed.
   *
   * @throws PipelineError as `headers`
   */
  renew?(refused: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>;
  /**
   * Where the API lies for this login, where its token came with an address (`instance_url` of Salesforce).
   *
   * @throws PipelineError as `headers`
   */
  instanceUrl?(signal: AbortSignal): Promise<URL | undefined>;
}

/** What a signature covers. */
export interface RequestTarget {
  readonly method: string;
  readonly url: URL;
}

/** An answer that is not 2xx, with the beginning of its body. */
export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Which limit of its connection a request counts against, and how. */
export interface RequestRate {
  /** A limit beside that of all requests. */
  readonly bucket?: string;
  /** What is set aside until the answer; default 1. */
  readonly units?: number;
  /** Where the provider has the same limit for everybody. */
  readonly rules?: readonly RateRule[];
  /** What an answer tells of the limit beyond the headers that all sources share. */
  readonly telling?: (answer: HttpResponse) => RateTelling | undefined;
  /** What the request cost, by its answer; default what was set aside. */
  readonly cost?: (answer: HttpResponse) => number | undefined;
}

/** One request of a source. Names appear in error messages; header values and query strings never do. */
export interface HttpRequest {
  /** The connector's name, for messages. */
  readonly source: string;
  /** The connection's name, for messages. */
  readonly connection?: string;
  readonly url: URL;
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** Adds its headers to each try, and is renewed once when the answer is 401. */
  readonly credentials?: Credentials;
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
  /** Default: it counts as one against the limit of all requests. */
  readonly rate?: RequestRate;
  /** How long a 429 without `Retry-After` asks to wait, from its headers and its body of at most `limits.sourceErrorBodyMaxBytes`. */
  readonly rateLimitWaitMs?: (headers: Headers, body: string) => number | undefined;
  /**
   * What a refusal means where the source says more in its body, of at most `limits.sourceErrorBodyMaxBytes`, than by its
   * status; `undefined`: the status tells.
   */
  readonly explainRefusal?: (answer: RefusedAnswer) => PipelineError | undefined;
  /** For protocols that tell of failures with status 2xx: the error that an answer is, which is then treated as one told by status. */
  readonly refuse?: (answer: HttpResponse) => PipelineError | undefined;
}

/** A whole answer with status 2xx. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}
