import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { OAuthTokens, StoredTokens, TokenStore } from '../../security/token-store.js';
import { faultPoint } from '../fault-point.js';
import type { Credentials } from '../http/types.js';
import { refresh, requestOwnTokens } from './grants.js';
import type { OAuthSettings } from './settings.js';

/** Bounds that tests make small. */
export interface OAuthBounds {
  readonly turnMs?: number;
  readonly turnWaitMs?: number;
}

/**
 * Credentials of a connection with OAuth. Its token is shared by all processes of the project through the token store. One
 * process at a time renews it (a server that rotates refresh tokens takes a second use of one for theft), and a new token
 * is saved before anybody uses it.
 *
 * A process that dies between answer and save takes the new refresh token with it. After `limits.oauthTurnMs` another one
 * asks with the old one: a server that still honours it goes on, any other answers `invalid_grant`, and somebody logs in.
 */
export function createOAuthCredentials(
  settings: OAuthSettings,
  tokens: TokenStore,
  bounds: OAuthBounds = {},
): Credentials {
  const obtain = (refused: string | undefined, signal: AbortSignal) =>
    obtainTokens(settings, tokens, { refused, signal, ...bounds });
  const headerOf = ({ accessToken }: OAuthTokens) => `${settings.prefix}${accessToken.reveal()}`;
  return {
    connection: settings.connection,
    async headers(signal) {
      return { [settings.header]: headerOf(await obtain(undefined, signal)) };
    },
    async renew(refused, signal) {
      await obtain(refused[settings.header], signal);
    },
    async instanceUrl(signal) {
      const { instanceUrl } = await obtain(undefined, signal);
      return instanceUrl === undefined ? undefined : new URL(instanceUrl);
    },
  };
}

interface Wanted extends OAuthBounds {
  /** Header value that the source refused. */
  readonly refused: string | undefined;
  readonly signal: AbortSignal;
}

async function obtainTokens(
  settings: OAuthSettings,
  tokens: TokenStore,
  { refused, signal, turnMs = limits.oauthTurnMs, turnWaitMs = limits.oauthTurnWaitMs }: Wanted,
): Promise<StoredTokens | OAuthTokens> {
  const { connection, prefix } = settings;
  tokens.checkKeys(connection);
  const holder = randomUUID();
  const endsAtMs = performance.now() + turnWaitMs;
  const usable = async (): Promise<StoredTokens | undefined> => {
    const stored = await tokens.read(settings);
    const isUsable =
      stored !== undefined && `${prefix}${stored.accessToken.reveal()}` !== refused && !isExpiring(stored);
    return isUsable ? stored : undefined;
  };
  for (;;) {
    signal.throwIfAborted();
    const stored = await usable();
    if (stored !== undefined) return stored;
    if (await tokens.takeTurn(connection, holder, turnMs)) {
      try {
        const renewed = (await usable()) ?? (await renewInTurn(settings, tokens));
        if (renewed !== undefined) return renewed;
      } finally {
        await tokens.endTurn(connection, holder);
      }
    }
    if (performance.now() > endsAtMs) {
      throw new PipelineError('SOURCE_UNAVAILABLE', {
        source: `authorization server of "${connection}"`,
        reason: `another process has been renewing the token for ${String(turnWaitMs)} ms`,
      });
    }
    await sleep(limits.oauthTurnPollMs, undefined, { signal });
  }
}

/** New tokens, saved; `undefined` where others were saved meanwhile, so that those count. */
async function renewInTurn(settings: OAuthSettings, tokens: TokenStore): Promise<OAuthTokens | undefined> {
  const stored = await tokens.read(settings);
  const fresh = await requestTokens(settings, stored).catch(async (error: unknown) => {
    const isRefused = isPipelineError(error) && error.code === 'OAUTH_LOGIN_NEEDED';
    const current = isRefused ? await tokens.read(settings) : stored;
    if (current?.version !== stored?.version) return undefined;
    throw error;
  });
  if (fresh === undefined) return undefined;
  faultPoint('oauth-answered');
  const isSaved = await tokens.save(settings, fresh, stored?.version ?? 0);
  faultPoint('oauth-saved');
  return isSaved ? fresh : undefined;
}

async function requestTokens(
  settings: OAuthSettings,
  stored: StoredTokens | undefined,
): Promise<OAuthTokens> {
  if (settings.grant !== 'authorization_code') return requestOwnTokens(settings);
  if (stored?.refreshToken !== undefined) return refresh(settings, stored.refreshToken);
  throw new PipelineError('OAUTH_LOGIN_NEEDED', {
    connection: settings.connection,
    reason:
      stored === undefined
        ? 'nobody has logged in with its present settings'
        : 'its token is used up, and the server gave none to renew it with',
  });
}

/** Within the margin before the end; a short-lived token counts until half of its life. */
function isExpiring({ obtainedAt, expiresAt }: StoredTokens): boolean {
  if (expiresAt === undefined) return false;
  const endsAtMs = Date.parse(expiresAt);
  const marginMs = Math.min(limits.oauthExpiryMarginMs, (endsAtMs - Date.parse(obtainedAt)) / 2);
  return Date.now() > endsAtMs - marginMs;
}
