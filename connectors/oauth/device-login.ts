import { setTimeout as sleep } from 'node:timers/promises';
import * as oauth from 'oauth4webapi';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { OAuthTokens, TokenStore } from '../../security/token-store.js';
import { clientAuth } from './client-auth.js';
import { clientOf, explained, findServer, tokensOf, transport, type AuthorizationServer } from './grants.js';
import type { LoginResult } from './login.js';
import { isSafe, type OAuthSettings } from './settings.js';

/** What a person is told, who logs in with a browser anywhere. */
export interface DevicePrompt {
  readonly address: string;
  readonly userCode: string;
  /** The address with the code in it, where the server gives one. */
  readonly completeAddress?: string;
}

export interface DeviceLoginOptions {
  onPrompt(prompt: DevicePrompt): void;
  /** How long the person may take, if the server allows as much; default `limits.oauthLoginMs`. */
  readonly timeoutMs?: number;
  /** How often to ask where the server says nothing; default `limits.oauthDevicePollMs`. */
  readonly pollMs?: number;
}

/**
 * Logs a connection in by the device authorization grant (RFC 8628): a person opens an address on any machine and types a
 * code, while the token endpoint is asked at the pace that the server sets.
 *
 * @throws PipelineError OAUTH_LOGIN_FAILED, OAUTH_REFUSED, SOURCE_UNAVAILABLE, SECRET_KEYS_MISSING
 */
export async function logInByDevice(
  settings: OAuthSettings,
  tokens: TokenStore,
  { onPrompt, timeoutMs = limits.oauthLoginMs, pollMs = limits.oauthDevicePollMs }: DeviceLoginOptions,
): Promise<LoginResult> {
  tokens.checkKeys(settings.connection);
  const server = await findServer(settings, 'device');
  const device = await explained(settings, () => begin(settings, server));
  if (!isSafe(device.verification_uri))
    throw failed(settings, 'the server names an address that is neither https nor on this machine');
  const complete = device.verification_uri_complete;
  onPrompt({
    address: device.verification_uri,
    userCode: device.user_code,
    ...(complete !== undefined && isSafe(complete) && { completeAddress: complete }),
  });
  const obtained = await explained(settings, () => poll(settings, server, device, { timeoutMs, pollMs }));
  await tokens.save(settings, obtained);
  return {
    ...(obtained.expiresAt !== undefined && { expiresAt: obtained.expiresAt }),
    canRenew: obtained.refreshToken !== undefined,
  };
}

async function begin(
  settings: OAuthSettings,
  server: AuthorizationServer,
): Promise<oauth.DeviceAuthorizationResponse> {
  const { connection, scope, parameters } = settings;
  const client = clientOf(settings);
  const response = await oauth.deviceAuthorizationRequest(
    server,
    client,
    await clientAuth(settings, server.token_endpoint),
    { ...parameters, ...(scope !== undefined && { scope }) },
    transport(connection),
  );
  return oauth.processDeviceAuthorizationResponse(server, client, response);
}

/** Asks until the person has decided; what passes (pending, slow down, an outage) is asked again, more slowly where told. */
async function poll(
  settings: OAuthSettings,
  server: AuthorizationServer,
  device: oauth.DeviceAuthorizationResponse,
  { timeoutMs, pollMs }: { readonly timeoutMs: number; readonly pollMs: number },
): Promise<OAuthTokens> {
  const client = clientOf(settings);
  const endsAtMs = performance.now() + Math.min(timeoutMs, device.expires_in * 1000);
  let everyMs = device.interval === undefined ? pollMs : device.interval * 1000;
  for (;;) {
    if (performance.now() + everyMs > endsAtMs)
      throw failed(settings, 'nobody finished it in the browser in time');
    await sleep(everyMs);
    try {
      const response = await oauth.deviceCodeGrantRequest(
        server,
        client,
        await clientAuth(settings, server.token_endpoint),
        device.device_code,
        transport(settings.connection),
      );
      return tokensOf(await oauth.processDeviceCodeResponse(server, client, response));
    } catch (error) {
      const code = codeOf(error);
      if (code === 'access_denied') throw failed(settings, 'access was denied');
      if (code === 'expired_token') throw failed(settings, 'nobody finished it in the browser in time');
      const isOutage = isPipelineError(error) && error.retryable;
      if (code !== 'authorization_pending' && code !== 'slow_down' && !isOutage) throw error;
      if (code !== 'authorization_pending') everyMs += limits.oauthDevicePollMs;
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof oauth.ResponseBodyError ? error.error : undefined;
}

function failed({ connection }: OAuthSettings, reason: string): PipelineError {
  return new PipelineError('OAUTH_LOGIN_FAILED', { connection, reason });
}
