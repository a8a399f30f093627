import type { JsonObject } from '../core/json.js';

/** What a warehouse is given by which it follows its connection while it is open. */
export interface ConnectionRenewal {
  /** How long after a look there is another one where nothing was refused. */
  readonly everyMs: number;
  /** The connection as it is now, secrets revealed. @throws PipelineError CONNECTION_*, SECRET_*, OPS_UNAVAILABLE */
  now(): Promise<JsonObject>;
  /** Hears what became of a connection that has changed. */
  told(outcome: RenewalOutcome): void;
}

export type RenewalOutcome =
  | { readonly status: 'renewed' }
  /** The former one stays in use. `error` is of the connection, or of the look for it. */
  | { readonly status: 'kept'; readonly error: unknown };
