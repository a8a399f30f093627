import { Ajv } from 'ajv';
import { createHash } from 'node:crypto';
import { PipelineError } from '../../core/errors/index.js';
import { canonicalJson, type JsonObject, type JsonValue } from '../../core/json.js';
import { Secret } from '../../security/secret.js';
import { oauthSchema } from './settings-schema.js';
import { takesSecrets } from '../http/secret-destination.js';

/** How a connection gets its tokens, checked. */
export interface OAuthSettings {
  readonly connection: string;
  readonly grant: 'authorization_code' | 'client_credentials' | 'jwt_bearer';
  readonly issuer?: URL;
  readonly authorizationUrl?: URL;
  /** Where a login by device begins. */
  readonly deviceAuthorizationUrl?: URL;
  readonly tokenUrl?: URL;
  readonly clientId: string;
  readonly clientSecret?: Secret;
  readonly clientAuth: 'basic' | 'post' | 'none' | 'private_key_jwt';
  /** Present where the client signs who it is. */
  readonly clientKey?: ClientKeySettings;
  readonly scope?: string;
  /** Further parameters of the authorization request (code grant) or of the token request (other grants). */
  readonly parameters: Readonly<Record<string, string>>;
  /** Port of the loopback redirect; 0 takes a free one. */
  readonly redirectPort: number;
  /** Header of requests to the source, and what stands before the token in it. */
  readonly header: string;
  readonly prefix: string;
  readonly assertion?: AssertionSettings;
  /** Hash of everything that decides whose tokens these are. */
  readonly fingerprint: string;
}

/** With which key a client signs who it is (`private_key_jwt`). */
export interface ClientKeySettings {
  /** PKCS #8, PEM. */
  readonly privateKey: Secret;
  readonly keyId?: string;
  readonly algorithm: string;
  /** Default: the issuer, or the token endpoint where it is not told. */
  readonly audience?: string;
}

/** What a JWT bearer assertion says (RFC 7523 §3). */
export interface AssertionSettings {
  /** PKCS #8, PEM. */
  readonly privateKey: Secret;
  readonly keyId?: string;
  readonly algorithm: string;
  readonly issuer: string;
  readonly subject: string;
  /** Default: the token endpoint. */
  readonly audience?: string;
  readonly claims: JsonObject;
}

/** The options as the schema leaves them. */
interface AuthOptions {
  readonly grant: OAuthSettings['grant'];
  readonly issuer?: string;
  readonly authorizationUrl?: string;
  readonly deviceAuthorizationUrl?: string;
  readonly tokenUrl?: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly clientAuth?: OAuthSettings['clientAuth'];
  readonly clientKey?: Omit<ClientKeySettings, 'privateKey'> & { readonly privateKey: string };
  readonly scope?: string;
  readonly parameters: Record<string, string>;
  readonly redirectPort: number;
  readonly header: string;
  readonly prefix: string;
  readonly assertion?: Omit<AssertionSettings, 'privateKey' | 'issuer' | 'subject'> & {
    readonly privateKey: string;
    readonly issuer?: string;
    readonly subject?: string;
  };
}

const validate = new Ajv({ allErrors: true, useDefaults: true }).compile<AuthOptions>(oauthSchema);

/** True where `auth` of a connection is for OAuth. */
export function isOAuth(auth: JsonValue | undefined): auth is JsonObject {
  return typeof auth === 'object' && auth !== null && !Array.isArray(auth) && auth['type'] === 'oauth2';
}

/** @throws PipelineError CONNECTION_INVALID naming every problem, never a value */
export function oauthSettings(connection: string, auth: JsonObject): OAuthSettings {
  const options: unknown = structuredClone(auth);
  const problems: string[] = [];
  if (!validate(options)) {
    for (const { instancePath, message = 'is not valid', params } of validate.errors ?? []) {
      const unknown = (params as { additionalProperty?: string }).additionalProperty;
      const place = `auth${instancePath.replaceAll('/', '.')}`;
      problems.push(
        unknown === undefined ? `${place} ${message}` : `${place} has the unknown key "${unknown}"`,
      );
    }
    throw new PipelineError('CONNECTION_INVALID', { connection, problems });
  }
  problems.push(...problemsOf(options));
  if (problems.length > 0) throw new PipelineError('CONNECTION_INVALID', { connection, problems });
  return settingsOf(connection, options);
}

function problemsOf(options: AuthOptions): string[] {
  const { grant, issuer, authorizationUrl, deviceAuthorizationUrl, tokenUrl, clientAuth } = options;
  const { clientSecret, clientKey, assertion } = options;
  const isCode = grant === 'authorization_code';
  const hasLogin = !isCode || authorizationUrl !== undefined || deviceAuthorizationUrl !== undefined;
  const parameters = Object.keys(options.parameters);
  const needsSecret =
    (grant === 'client_credentials' && clientKey === undefined) || isOneOf(clientAuth, 'basic', 'post');
  return [
    ...Object.entries({ issuer, authorizationUrl, deviceAuthorizationUrl, tokenUrl })
      .filter(([, value]) => value !== undefined && !isSafe(value))
      .map(([name]) => `auth.${name} must be https, or http on this machine`),
    ...(issuer === undefined && (tokenUrl === undefined || !hasLogin)
      ? [`auth needs issuer, or ${isCode ? 'authorizationUrl and tokenUrl' : 'tokenUrl'}`]
      : []),
    ...(clientSecret === undefined && needsSecret ? ['auth.clientSecret is missing'] : []),
    ...(clientKey !== undefined &&
    (clientSecret !== undefined || isOneOf(clientAuth, 'basic', 'post', 'none'))
      ? ['auth.clientKey takes the place of a clientSecret: leave that out, and clientAuth with it']
      : []),
    ...(clientKey === undefined && clientAuth === 'private_key_jwt' ? ['auth.clientKey is missing'] : []),
    ...((grant === 'jwt_bearer') === (assertion === undefined)
      ? ['auth.assertion and the grant jwt_bearer belong together']
      : []),
    ...parameters
      .filter((name) => reserved.has(name))
      .map((name) => `auth.parameters must not set "${name}"`),
  ];
}

/** Parameters that the grants set themselves. */
const reserved = new Set([
  ...['client_id', 'client_secret', 'response_type', 'redirect_uri', 'state', 'scope', 'grant_type', 'code'],
  ...['code_challenge', 'code_challenge_method', 'code_verifier', 'assertion', 'refresh_token'],
  ...['client_assertion', 'client_assertion_type', 'device_code'],
]);

function isOneOf(value: string | undefined, ...names: string[]): boolean {
  return value !== undefined && names.includes(value);
}

/** Secrets go to https, or to this machine. */
export function isSafe(url: string): boolean {
  return URL.canParse(url) && takesSecrets(new URL(url));
}

function settingsOf(connection: string, options: AuthOptions): OAuthSettings {
  const { grant, issuer, authorizationUrl, tokenUrl, clientId, clientSecret, scope, assertion } = options;
  const { deviceAuthorizationUrl, clientKey } = options;
  return {
    connection,
    grant,
    ...(issuer !== undefined && { issuer: new URL(issuer) }),
    ...(authorizationUrl !== undefined && { authorizationUrl: new URL(authorizationUrl) }),
    ...(deviceAuthorizationUrl !== undefined && { deviceAuthorizationUrl: new URL(deviceAuthorizationUrl) }),
    ...(tokenUrl !== undefined && { tokenUrl: new URL(tokenUrl) }),
    clientId,
    ...(clientSecret !== undefined && { clientSecret: new Secret(clientSecret) }),
    clientAuth: options.clientAuth ?? defaultAuth(options),
    ...(clientKey !== undefined && {
      clientKey: { ...clientKey, privateKey: new Secret(clientKey.privateKey) },
    }),
    ...(scope !== undefined && { scope }),
    parameters: options.parameters,
    redirectPort: options.redirectPort,
    header: options.header.toLowerCase(),
    prefix: options.prefix,
    ...(assertion !== undefined && {
      assertion: {
        ...assertion,
        privateKey: new Secret(assertion.privateKey),
        issuer: assertion.issuer ?? clientId,
        subject: assertion.subject ?? assertion.issuer ?? clientId,
      },
    }),
    fingerprint: fingerprintOf(options),
  };
}

function defaultAuth({ clientKey, clientSecret }: AuthOptions): OAuthSettings['clientAuth'] {
  if (clientKey !== undefined) return 'private_key_jwt';
  return clientSecret === undefined ? 'none' : 'basic';
}

/** A new secret or key of the same client keeps the login; another client, server, scope or user does not. */
function fingerprintOf({
  grant,
  issuer,
  tokenUrl,
  clientId,
  scope,
  parameters,
  assertion,
}: AuthOptions): string {
  const owner = {
    grant,
    issuer: issuer ?? null,
    tokenUrl: tokenUrl ?? null,
    clientId,
    scope: scope ?? null,
    parameters,
    issuedBy: assertion?.issuer ?? null,
    subject: assertion?.subject ?? null,
    audience: assertion?.audience ?? null,
    claims: assertion?.claims ?? null,
  };
  return createHash('sha256').update(canonicalJson(owner)).digest('hex');
}
