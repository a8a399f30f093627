import * as oauth from 'oauth4webapi';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { TokenStore } from '../../security/token-store.js';
import { systemErrorCode } from '../system-error.js';
import { startCallbackServer, type CallbackServer, type CallbackVerdict } from './callback.js';
import { clientOf, exchangeCode, findServer, type AuthorizationServer } from './grants.js';
import type { OAuthSettings } from './settings.js';

export interface LoginOptions {
  /** Told the address that a person opens in a browser on this machine. */
  onAddress(address: URL): void;
  /** How long the browser may take; default `limits.oauthLoginMs`. */
  readonly timeoutMs?: number;
}

/** How a login ended. */
export interface LoginResult {
  /** ISO 8601 UTC; absent where the server named no life time. */
  readonly expiresAt?: string;
  /** False where the server gave no refresh token: the login lasts as long as its access token. */
  readonly canRenew: boolean;
}

/** What the answer to one authorization request is checked against. */
interface Attempt {
  readonly server: AuthorizationServer;
  readonly state: string;
  readonly codeVerifier: string;
}

/**
 * Logs a connection in by authorization code with PKCE (RFC 7636, S256) and a loopback redirect (RFC 8252). An answer with
 * another state is not taken, and the login goes on. The tokens are saved before the browser hears of success.
 *
 * @throws PipelineError OAUTH_LOGIN_FAILED, OAUTH_REFUSED, SOURCE_UNAVAILABLE, SECRET_KEYS_MISSING
 */
export async function logIn(
  settings: OAuthSettings,
  tokens: TokenStore,
  { onAddress, timeoutMs = limits.oauthLoginMs }: LoginOptions,
): Promise<LoginResult> {
  tokens.checkKeys(settings.connection);
  const attempt = {
    server: await findServer(settings),
    state: oauth.generateRandomState(),
    codeVerifier: oauth.generateRandomCodeVerifier(),
  };
  const codeChallenge = await oauth.calculatePKCECodeChallenge(attempt.codeVerifier);
  const outcome = new Outcome<LoginResult>();
  const callback: CallbackServer = await startCallbackServer(settings.redirectPort, async (parameters) => {
    if (parameters.get('state') !== attempt.state || !outcome.claim()) return 'ignored';
    return outcome.settle(async () => finish(settings, tokens, attempt, parameters, callback.redirectUri));
  }).catch((error: unknown): never => {
    const port = String(settings.redirectPort);
    throw failed(settings, `port ${port} cannot be listened on (${systemErrorCode(error) ?? 'unknown'})`);
  });
  const timer = setTimeout(() => {
    if (outcome.claim()) {
      const reason = `nobody finished it in the browser within ${String(Math.round(timeoutMs / 1000))} s`;
      void outcome.settle(() => Promise.reject(failed(settings, reason)));
    }
  }, timeoutMs);
  try {
    onAddress(authorizationAddress(settings, attempt, callback.redirectUri, codeChallenge));
    return await outcome.result;
  } finally {
    clearTimeout(timer);
    await callback.close();
  }
}

function authorizationAddress(
  { clientId, scope, parameters }: OAuthSettings,
  { server, state }: Attempt,
  redirectUri: string,
  codeChallenge: string,
): URL {
  const address = new URL(server.authorization_endpoint ?? '');
  const query = {
    ...parameters,
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    ...(scope !== undefined && { scope }),
    state,
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  return address;
}

async function finish(
  settings: OAuthSettings,
  tokens: TokenStore,
  { server, state, codeVerifier }: Attempt,
  parameters: URLSearchParams,
  redirectUri: string,
): Promise<LoginResult> {
  const callback = validated(settings, server, parameters, state);
  const obtained = await exchangeCode(settings, server, { callback, redirectUri, codeVerifier }).catch(
    (error: unknown) => {
      const isRefused = isPipelineError(error) && error.code === 'OAUTH_LOGIN_NEEDED';
      throw isRefused ? failed(settings, 'the server does not take its own code (invalid_grant)') : error;
    },
  );
  await tokens.save(settings, obtained);
  return {
    ...(obtained.expiresAt !== undefined && { expiresAt: obtained.expiresAt }),
    canRenew: obtained.refreshToken !== undefined,
  };
}

function validated(
  settings: OAuthSettings,
  server: AuthorizationServer,
  parameters: URLSearchParams,
  state: string,
): URLSearchParams {
  try {
    return oauth.validateAuthResponse(server, clientOf(settings), parameters, state);
  } catch (error) {
    if (error instanceof oauth.AuthorizationResponseError) {
      const code = /^[a-z_]{1,64}$/.test(error.error) ? error.error : 'unknown error';
      throw failed(settings, code === 'access_denied' ? 'access was denied' : `the server said ${code}`);
    }
    throw failed(
      settings,
      'the answer is not from the expected issuer, or incomplete; check auth.issuer of the connection',
    );
  }
}

function failed({ connection }: OAuthSettings, reason: string): PipelineError {
  return new PipelineError('OAUTH_LOGIN_FAILED', { connection, reason });
}

/** A result that the first who claims it settles. */
class Outcome<Result> {
  readonly result: Promise<Result>;
  #resolve: (result: Result) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #isClaimed = false;

  constructor() {
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  claim(): boolean {
    const isFirst = !this.#isClaimed;
    this.#isClaimed = true;
    return isFirst;
  }

  async settle(work: () => Promise<Result>): Promise<CallbackVerdict> {
    try {
      this.#resolve(await work());
      return 'done';
    } catch (error) {
      this.#reject(error);
      return 'refused';
    }
  }
}
