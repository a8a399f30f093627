import type { ConnectionOptions } from 'snowflake-sdk';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { takesSecrets } from '../http/secret-destination.js';

/** How a connection proves who it is; the driver's own names stand beside them. */
const authenticators = {
  'key-pair': 'SNOWFLAKE_JWT',
  password: 'SNOWFLAKE',
  'password-mfa': 'USERNAME_PASSWORD_MFA',
  oauth: 'OAUTH',
  'oauth-client-credentials': 'OAUTH_CLIENT_CREDENTIALS',
  'oauth-authorization-code': 'OAUTH_AUTHORIZATION_CODE',
  'external-browser': 'EXTERNALBROWSER',
  'programmatic-access-token': 'PROGRAMMATIC_ACCESS_TOKEN',
  'workload-identity': 'WORKLOAD_IDENTITY',
} as const;
type Authenticator = keyof typeof authenticators;

/** What each way of proving needs beside `account`. One of the names in a list is enough. */
const needs: Readonly<Record<Authenticator, readonly (readonly string[])[]>> = {
  'key-pair': [['user'], ['privateKey', 'privateKeyPath']],
  password: [['user'], ['password']],
  'password-mfa': [['user'], ['password']],
  oauth: [['token', 'tokenFilePath']],
  'oauth-client-credentials': [['oauthClientId'], ['oauthClientSecret'], ['oauthTokenRequestUrl']],
  'oauth-authorization-code': [['user'], ['oauthClientId'], ['oauthClientSecret']],
  'external-browser': [['user']],
  'programmatic-access-token': [['token', 'tokenFilePath']],
  'workload-identity': [['workloadIdentityProvider']],
};

/** Options that go to the driver as they are. */
const passedOn = [
  ...['account', 'password', 'warehouse', 'database', 'schema', 'role', 'token', 'tokenFilePath'],
  ...[
    'privateKey',
    'privateKeyPath',
    'privateKeyPass',
    'passcode',
    'proxyHost',
    'proxyUser',
    'proxyPassword',
  ],
  ...['oauthClientId', 'oauthClientSecret', 'oauthTokenRequestUrl', 'oauthAuthorizationUrl', 'oauthScope'],
  ...['oauthRedirectUri', 'workloadIdentityProvider', 'workloadIdentityAzureClientId', 'noProxy'],
] as const;

/** A Snowflake connection, checked. */
export interface SnowflakeSettings {
  readonly driver: ConnectionOptions;
  readonly database: string;
  readonly schema: string;
  readonly maxConnections: number;
  readonly statementMaxSeconds: number;
  readonly queryTag: string;
}

/**
 * Checks a connection: `account`, `database`, `schema`, `user`, mostly `warehouse` and `role`, and what its
 * `authenticator` needs. Without one, a private key means `key-pair`, a token `oauth`, a password `password`.
 *
 * @throws PipelineError CONFIG_INVALID naming every problem, never a value.
 */
export function snowflakeSettings(connection: JsonObject): SnowflakeSettings {
  const problems: string[] = [];
  const isGiven = (name: string) => typeof connection[name] === 'string' && connection[name] !== '';
  for (const name of ['account', 'database', 'schema'])
    if (!isGiven(name)) problems.push(`a Snowflake connection needs "${name}"`);
  const authenticator = authenticatorOf(connection);
  if (authenticator === undefined) {
    problems.push(
      `a Snowflake connection needs a private key, a token, a password, or "authenticator" (${Object.keys(authenticators).join(', ')})`,
    );
  } else {
    for (const names of needs[authenticator])
      if (!names.some(isGiven))
        problems.push(
          `authenticator "${authenticator}" needs ${names.map((name) => `"${name}"`).join(' or ')}`,
        );
  }
  const accessUrl = accessUrlOf(connection, problems);
  const maxConnections = wholeNumber(connection, 'maxConnections', limits.warehouseMaxConnections, problems);
  const statementMaxSeconds = wholeNumber(
    connection,
    'statementMaxSeconds',
    limits.warehouseStatementMaxSeconds,
    problems,
  );
  const unknown = Object.keys(connection).filter((name) => !knownOptions.has(name));
  problems.push(...unknown.map((name) => `a Snowflake connection has no option "${name}"`));
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  const options = Object.fromEntries(
    passedOn.filter(isGiven).map((name) => [name, connection[name] as string]),
  );
  return {
    driver: {
      ...options,
      ...(isGiven('user') ? { username: connection['user'] as string } : {}),
      ...(accessUrl === undefined ? {} : accessUrl),
      authenticator: authenticators[authenticator ?? 'password'],
      application: 'Millrace',
      representNullAsStringNull: false,
      clientSessionKeepAlive: true,
      clientStoreTemporaryCredential: authenticator === 'external-browser',
      timeout: limits.warehouseConnectMaxMs,
    },
    database: connection['database'] as string,
    schema: connection['schema'] as string,
    maxConnections,
    statementMaxSeconds,
    queryTag: typeof connection['queryTag'] === 'string' ? connection['queryTag'] : 'millrace',
  };
}

const knownOptions: ReadonlySet<string> = new Set([
  ...passedOn,
  ...['connector', 'user', 'authenticator', 'accessUrl', 'maxConnections', 'statementMaxSeconds', 'queryTag'],
]);

function authenticatorOf(connection: JsonObject): Authenticator | undefined {
  const { authenticator } = connection;
  if (typeof authenticator === 'string')
    return authenticator in authenticators ? (authenticator as Authenticator) : undefined;
  if (connection['privateKey'] !== undefined || connection['privateKeyPath'] !== undefined) return 'key-pair';
  if (connection['token'] !== undefined || connection['tokenFilePath'] !== undefined) return 'oauth';
  return connection['password'] === undefined ? undefined : 'password';
}

/** Another address than the account's own, such as a private link; without TLS on this machine only. */
function accessUrlOf(
  { accessUrl }: JsonObject,
  problems: string[],
): Pick<ConnectionOptions, 'accessUrl' | 'host'> | undefined {
  if (accessUrl === undefined) return undefined;
  const url = typeof accessUrl === 'string' && URL.canParse(accessUrl) ? new URL(accessUrl) : undefined;
  if (url === undefined || !takesSecrets(url)) {
    problems.push('"accessUrl" must be an https address, or http on this machine');
    return undefined;
  }
  return {
    accessUrl: url.origin,
    host: url.hostname,
  };
}

function wholeNumber(connection: JsonObject, name: string, otherwise: number, problems: string[]): number {
  const value = connection[name] ?? otherwise;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1) return value;
  problems.push(`"${name}" must be a whole number from 1`);
  return otherwise;
}
