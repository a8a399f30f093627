import type { Secret } from './secret.js';

/** What an authorisation server gave for a connection. Times are ISO 8601 UTC text. */
export interface OAuthTokens {
  readonly accessToken: Secret;
  readonly refreshToken?: Secret;
  readonly obtainedAt: string;
  /** Absent where the server named no life time. */
  readonly expiresAt?: string;
  /** Where the API of the login lies, where the server said so. */
  readonly instanceUrl?: string;
}

/** Tokens as they are kept; `version` changes with every save. */
export interface StoredTokens extends OAuthTokens {
  readonly version: number;
}

/** Whose tokens: those of another client, server, grant or scope are none of this connection's any more. */
export interface TokenOwner {
  readonly connection: string;
  /** Hash of the settings that the tokens were obtained with. */
  readonly fingerprint: string;
}

/** Keeps tokens where all processes of a project find them, and lets one process at a time renew them. */
export interface TokenStore {
  /** Says before a token is asked for that none could be kept. @throws PipelineError SECRET_KEYS_MISSING */
  checkKeys(connection: string): void;
  /** @throws PipelineError SECRET_KEYS_MISSING, SECRET_UNREADABLE */
  read(owner: TokenOwner): Promise<StoredTokens | undefined>;
  /**
   * Saves durably. With `replaces` only where that version is still the stored one (0: nothing is stored).
   *
   * @returns false where it was not, and nothing was changed
   */
  save(owner: TokenOwner, tokens: OAuthTokens, replaces?: number): Promise<boolean>;
  remove(connection: string): Promise<boolean>;
  /** True when `holder` may renew, for `durationMs` at most. */
  takeTurn(connection: string, holder: string, durationMs: number): Promise<boolean>;
  endTurn(connection: string, holder: string): Promise<void>;
}
