/** A delivery as a provider would send it: to be posted as it is. */
export interface SignedDelivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Behind the address, where the provider is known by it: `?secret=…`. */
  readonly query?: string;
}

/** What a test may say of a delivery; each has a default. */
export interface SignOptions {
  /** Id of the delivery, where the provider gives one. */
  readonly id?: string;
  /** Time of the signature. Default: now. */
  readonly at?: Date;
  /** Another secret than the current one. */
  readonly secret?: string;
  /** Headers or fields that the provider adds and does not sign: a topic, a shop. */
  readonly extra?: Readonly<Record<string, string>>;
}

/** A provider that sends signed deliveries. */
export interface WebhookFixture {
  readonly provider: string;
  /** What goes into `gateway.webhooks.<source>`. */
  readonly settings: {
    readonly provider: string;
    readonly secrets?: readonly string[];
    readonly publicUrl?: string;
    readonly options?: Readonly<Record<string, unknown>>;
  };
  /** A secret that `settings` lists too, as during a rotation. */
  readonly formerSecret?: string;
  /** Public keys and certificates by their address; serve them to the gateway as `fetchPublic`. */
  readonly publicFiles: Readonly<Record<string, string>>;
  /** Signs a payload: an object or array of the provider, or its exact text. */
  sign(payload: unknown, options?: SignOptions): SignedDelivery;
}

/** The exact text of a payload. */
export function textOf(payload: unknown): string {
  return typeof payload === 'string' ? payload : JSON.stringify(payload);
}

/** Seconds since 1970. */
export function secondsOf(at: Date = new Date()): string {
  return String(Math.floor(at.getTime() / 1000));
}

export const jsonHeaders = { 'content-type': 'application/json' } as const;
