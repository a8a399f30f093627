import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '../../core/json.js';
import type { EmailMapping } from './email-event.js';
import type { ProviderEvent } from './provider-event.js';

/** What `gateway.webhooks.<source>` says of one endpoint, secrets in the clear. Never log it. */
export interface WebhookSetup {
  /** Name of the endpoint, as in `/webhooks/<source>`. */
  readonly source: string;
  /** The current secret and, during a rotation, the former one. */
  readonly secrets: readonly string[];
  /** Address that is registered with the provider; some providers sign it. */
  readonly publicUrl?: string;
  readonly toleranceMs?: number;
  /** Checked against the provider's `options` already. */
  readonly options: JsonObject;
  readonly fetchPublic: FetchPublic;
}

/** Fetches a small public text (a certificate, a key) over HTTPS. Bounded in time, size and number. */
export type FetchPublic = (url: URL) => Promise<string>;

/** A request without its body. */
export interface WebhookHead {
  readonly headers: IncomingHttpHeaders;
  /** Of the address that was called. */
  readonly query: URLSearchParams;
  /** What TLS found out about the client; absent on a plain connection and for a client without a trusted certificate. */
  readonly clientFingerprint?: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** A delivery that is what it claims to be. */
export interface AcceptedDelivery {
  /** The provider's id of the delivery, or one made from what is signed. */
  readonly id: string;
  /** Key by which a repeat is known; default `id`. */
  readonly repeatKey?: string;
  /**
   * What else must be the same in a repeat, where the signature does not cover it. The same key with another binding is
   * a forgery.
   */
  readonly binding?: string;
  /** JSON to keep, where it is not the body as sent. */
  readonly json?: Buffer;
  /** Headers that the events need. */
  readonly kept?: Readonly<Record<string, string>>;
}

/** What a check ends with: refused with a reason, accepted, or answered without keeping anything. */
export type WebhookVerdict =
  | { readonly refused: string }
  | { readonly accepted: AcceptedDelivery }
  | { readonly answered: Readonly<Record<string, unknown>> };

/** The second half of a check, which sees the body as sent. */
export type BodyCheck = (body: Buffer) => WebhookVerdict | Promise<WebhookVerdict>;

/** Checks the deliveries of one endpoint. Its keys are decoded once. */
export interface WebhookVerifier {
  /** Everything that needs no body. A text is the reason of a refusal. */
  begin(head: WebhookHead): BodyCheck | string;
  /** Answers a GET by which the provider proves that the address is ours; `undefined` where it is no such request. */
  challenge?(query: URLSearchParams): Readonly<Record<string, unknown>> | undefined;
}

/** One delivery as the inbox keeps it. */
export interface StoredDelivery {
  readonly id: string;
  readonly source: string;
  /** ISO 8601 UTC. */
  readonly receivedAt: string;
  readonly kept: Readonly<Record<string, string>>;
  /** JSON, byte for byte. */
  readonly body: Uint8Array;
}

/** A kind of webhook: one folder under `connectors/`, exported as `webhook` from its `webhook.ts`. */
export interface WebhookProvider {
  /** Name for people. */
  readonly title: string;
  /** What is checked, in a sentence. */
  readonly checks: string;
  /** What `secrets` hold; absent where the provider has none. */
  readonly secret?: string;
  readonly needsPublicUrl?: boolean;
  /** Type of the body. Default `json`. */
  readonly body?: 'json' | 'form';
  /** JSON Schema of the provider's own options, with a description each. */
  readonly options?: JsonObject;
  /** @throws PipelineError CONFIG_INVALID for a secret or an option that cannot be used; no secret is in it */
  createVerifier(setup: WebhookSetup): WebhookVerifier;
  /** The events of a delivery, in order, each with the bytes that were sent for it. */
  events(delivery: StoredDelivery): readonly ProviderEvent[];
  /** An event as the canonical e-mail events; absent where the provider sends no e-mail. */
  emailEvents?(event: ProviderEvent): readonly EmailMapping[];
}
