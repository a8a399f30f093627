import { SignJWT } from 'jose';
import { randomUUID } from 'node:crypto';
import * as oauth from 'oauth4webapi';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { Secret } from '../../security/secret.js';
import type { OAuthTokens } from '../../security/token-store.js';
import { clientAuth, signingKey } from './client-auth.js';
import { isSafe, type AssertionSettings, type OAuthSettings } from './settings.js';
import { tokenFetch } from './token-fetch.js';

/** Endpoints of an authorization server, as far as the grants need them. */
export interface AuthorizationServer extends oauth.AuthorizationServer {
  readonly token_endpoint: string;
}

/** What a finished authorization request brought back. */
export interface AuthorizationCode {
  /** Parameters of the redirect, validated. */
  readonly callback: URLSearchParams;
  readonly redirectUri: string;
  readonly codeVerifier: string;
}

/** Transport of the library for one connection. */
export function transport(connection: string) {
  return { [oauth.customFetch]: tokenFetch(connection), [oauth.allowInsecureRequests]: true } as const;
}

/** Client and its metadata as the library wants them. */
export function clientOf({ clientId }: OAuthSettings): oauth.Client {
  return { client_id: clientId };
}

/**
 * The endpoints: those of the settings, others from the issuer's metadata (OpenID Connect Discovery 1.0, RFC 8414).
 *
 * @throws PipelineError SOURCE_*, OAUTH_REFUSED
 */
export async function findServer(
  settings: OAuthSettings,
  login: 'browser' | 'device' = 'browser',
): Promise<AuthorizationServer> {
  const { connection, issuer, tokenUrl, grant } = settings;
  const isDevice = login === 'device';
  const loginUrl = isDevice ? settings.deviceAuthorizationUrl : settings.authorizationUrl;
  const needsLogin = grant === 'authorization_code';
  const isComplete = tokenUrl !== undefined && (!needsLogin || loginUrl !== undefined);
  const found = isComplete || issuer === undefined ? undefined : await discover(settings, issuer);
  const name = isDevice ? 'device_authorization_endpoint' : 'authorization_endpoint';
  const token = tokenUrl?.href ?? found?.token_endpoint;
  const loginEndpoint = loginUrl?.href ?? found?.[name];
  if (token === undefined || (needsLogin && loginEndpoint === undefined)) {
    throw new PipelineError('OAUTH_REFUSED', {
      connection,
      reason: 'the metadata of its issuer lacks an endpoint',
    });
  }
  return {
    ...found,
    issuer: issuerOf(settings, found, token),
    token_endpoint: token,
    ...(loginEndpoint !== undefined && { [name]: loginEndpoint }),
  };
}

function issuerOf(
  { issuer }: OAuthSettings,
  found: oauth.AuthorizationServer | undefined,
  tokenEndpoint: string,
): string {
  return found?.issuer ?? issuer?.href.replace(/\/$/, '') ?? new URL(tokenEndpoint).origin;
}

async function discover(settings: OAuthSettings, issuer: URL): Promise<oauth.AuthorizationServer> {
  return explained(settings, async () =>
    oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { ...transport(settings.connection), algorithm: 'oidc' }),
    ),
  );
}

/** Exchanges the code of a login. @throws PipelineError SOURCE_*, OAUTH_REFUSED, OAUTH_LOGIN_NEEDED */
export async function exchangeCode(
  settings: OAuthSettings,
  server: AuthorizationServer,
  { callback, redirectUri, codeVerifier }: AuthorizationCode,
): Promise<OAuthTokens> {
  const client = clientOf(settings);
  return explained(settings, async () => {
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      await clientAuth(settings, server.token_endpoint),
      callback,
      redirectUri,
      codeVerifier,
      transport(settings.connection),
    );
    return tokensOf(await oauth.processAuthorizationCodeResponse(server, client, response));
  });
}

/** New tokens for a refresh token; a server that names no new refresh token goes on with the old one. */
export async function refresh(settings: OAuthSettings, refreshToken: Secret): Promise<OAuthTokens> {
  const server = await findServer(settings);
  const client = clientOf(settings);
  return explained(settings, async () => {
    const response = await oauth.refreshTokenGrantRequest(
      server,
      client,
      await clientAuth(settings, server.token_endpoint),
      refreshToken.reveal(),
      transport(settings.connection),
    );
    return { refreshToken, ...tokensOf(await oauth.processRefreshTokenResponse(server, client, response)) };
  });
}

/** A token for the client itself, or for the subject of its assertion. @throws PipelineError SOURCE_*, OAUTH_REFUSED */
export async function requestOwnTokens(settings: OAuthSettings): Promise<OAuthTokens> {
  const server = await findServer(settings);
  const { connection, scope, assertion } = settings;
  const client = clientOf(settings);
  const parameters = { ...settings.parameters, ...(scope !== undefined && { scope }) };
  return explained(settings, async () => {
    if (assertion === undefined) {
      const response = await oauth.clientCredentialsGrantRequest(
        server,
        client,
        await clientAuth(settings, server.token_endpoint),
        parameters,
        transport(connection),
      );
      return tokensOf(await oauth.processClientCredentialsResponse(server, client, response));
    }
    const response = await oauth.genericTokenEndpointRequest(
      server,
      client,
      await clientAuth(settings, server.token_endpoint),
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      { ...parameters, assertion: await sign(connection, assertion, server.token_endpoint) },
      transport(connection),
    );
    return tokensOf(await oauth.processGenericTokenEndpointResponse(server, client, response));
  });
}

/** A signed assertion (RFC 7523 §3). @throws PipelineError CONNECTION_INVALID for a key that cannot sign */
async function sign(
  connection: string,
  { privateKey, keyId, algorithm, issuer, subject, audience, claims }: AssertionSettings,
  tokenEndpoint: string,
): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const key = await signingKey(connection, 'assertion', privateKey, algorithm);
  try {
    return await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: algorithm, typ: 'JWT', ...(keyId !== undefined && { kid: keyId }) })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience ?? tokenEndpoint)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + Math.floor(limits.oauthAssertionMs / 1000))
      .setJti(randomUUID())
      .sign(key);
  } catch {
    throw new PipelineError('CONNECTION_INVALID', {
      connection,
      problems: `auth.assertion.privateKey is no PKCS #8 key in PEM for ${algorithm}`,
    });
  }
}

/** What the token endpoint gave. */
export function tokensOf(answer: oauth.TokenEndpointResponse): OAuthTokens {
  const now = Date.now();
  const instanceUrl = answer['instance_url'];
  // A life of nothing is one without end (Mailchimp): a token that ends at once would be of no use to anybody.
  const lifeMs = Math.min((answer.expires_in ?? 0) * 1000, limits.oauthTokenMaxLifeMs);
  return {
    accessToken: new Secret(answer.access_token),
    ...(answer.refresh_token !== undefined && { refreshToken: new Secret(answer.refresh_token) }),
    obtainedAt: new Date(now).toISOString(),
    ...(lifeMs > 0 && {
      expiresAt: new Date(now + lifeMs).toISOString(),
    }),
    ...(typeof instanceUrl === 'string' && isSafe(instanceUrl) && { instanceUrl }),
  };
}

/** What the library throws, without texts of the server, which can repeat what was sent. */
export async function explained<Result>(
  settings: OAuthSettings,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isPipelineError(error)) throw error;
    throw failureOf(settings, error);
  }
}

function failureOf({ connection, grant }: OAuthSettings, error: unknown): PipelineError {
  if (error instanceof oauth.ResponseBodyError) {
    const code = /^[a-z_]{1,64}$/.test(error.error) ? error.error : 'unknown error';
    return code === 'invalid_grant' && grant === 'authorization_code'
      ? new PipelineError('OAUTH_LOGIN_NEEDED', {
          connection,
          reason: 'the authorization server refuses what it gave before (invalid_grant)',
        })
      : new PipelineError('OAUTH_REFUSED', { connection, reason: code });
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no OAuth answer';
  return new PipelineError('OAUTH_REFUSED', { connection, reason: `its answer cannot be used (${code})` });
}
