import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { deletedProblems } from '../declared-deletes.js';
import { publicNetwork, type Credentials, type PublicNetwork } from '../http/index.js';
import { isReservedHeader } from '../http/reserved-headers.js';
import { optionProblems, typedProblems } from '../option-problems.js';
import { authSchemas, connectionSchema, endpointSchema, paginatorSchemas } from './option-schema.js';
import type { RestEndpoint } from './options.js';

/** A connection, checked: where to, with which credentials. */
export interface RestConnection {
  /** Ends with a slash. */
  readonly baseUrl: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Query parameters that carry credentials. */
  readonly query: Readonly<Record<string, string>>;
  /** Present where they change from request to request (OAuth). */
  readonly credentials?: Credentials;
  readonly network: PublicNetwork | undefined;
  readonly testPath: string;
}

/**
 * What is wrong with the options of a read, a sentence each; an empty list where nothing is. Looks at no connection, so
 * a DAG file can be told when it is loaded.
 */
export function endpointProblems(options: JsonObject): string[] {
  const problems = optionProblems(endpointSchema, options, 'rest');
  const { path, paginator, headers, method, json } = options;
  if (isObject(paginator)) {
    problems.push(...typedProblems(paginatorSchemas, paginator, 'rest.paginator'));
    if (paginator['cursorParam'] !== undefined && paginator['cursorBodyPath'] !== undefined)
      problems.push('rest.paginator takes "cursorParam" or "cursorBodyPath", not both');
    if (paginator['cursorBodyPath'] !== undefined && method !== 'POST')
      problems.push('rest.paginator.cursorBodyPath needs the method POST');
  }
  problems.push(...deletedProblems(options['deleted'], 'rest.deleted'));
  if (typeof path === 'string' && below(new URL('https://host.invalid/base/'), path) === undefined)
    problems.push('rest.path must be a path below the baseUrl of the connection, without "..", "?" and "#"');
  for (const name of Object.keys(isObject(headers) ? headers : {}))
    if (isReservedHeader(name)) problems.push(`rest.headers: "${name}" belongs to the connection`);
  if (json !== undefined && method !== 'POST') problems.push('rest.json needs the method POST');
  return problems;
}

/** @throws PipelineError CONFIG_INVALID naming every problem of the options and of the connection, never a value */
export function restSettings(
  connection: JsonObject,
  options: JsonObject,
  credentials?: Credentials,
): { readonly connection: RestConnection; readonly endpoint: RestEndpoint } {
  const problems = [...connectionProblems(connection, credentials), ...endpointProblems(options)];
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return {
    connection: checkedConnection(connection, credentials),
    endpoint: options as unknown as RestEndpoint,
  };
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function restConnection(connection: JsonObject, credentials?: Credentials): RestConnection {
  const problems = connectionProblems(connection, credentials);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return checkedConnection(connection, credentials);
}

/** A URL below a base that ends with a slash; `undefined` for a path that leaves it. */
export function below(base: URL, path: string): URL | undefined {
  if (/[?#\\]|(^|\/)\.{1,2}(\/|$)|%2e|^\/\//i.test(path)) return undefined;
  const relative = `./${path.replace(/^\//, '')}`;
  return URL.canParse(relative, base.href) ? new URL(relative, base) : undefined;
}

/** What is wrong with a connection, a sentence each, never a value; an empty list where nothing is. */
export function connectionProblems(connection: JsonObject, credentials: Credentials | undefined): string[] {
  const problems = optionProblems(connectionSchema, connection, 'connection');
  const { baseUrl, auth, headers, allowPrivateNetwork, testPath } = connection;
  if (isObject(auth)) problems.push(...typedProblems(authSchemas, auth, 'connection.auth'));
  const url = typeof baseUrl === 'string' ? parseBase(baseUrl) : undefined;
  if (typeof baseUrl === 'string' && url === undefined)
    problems.push('connection.baseUrl must be an http or https URL without user, password, "?" and "#"');
  const isSecret = auth !== undefined || headers !== undefined || credentials !== undefined;
  if (url?.protocol === 'http:' && isSecret && allowPrivateNetwork !== true)
    problems.push('connection.baseUrl must be https where credentials are sent outside a private network');
  if (url !== undefined && typeof testPath === 'string' && below(url, testPath) === undefined)
    problems.push('connection.testPath must be a path below the baseUrl');
  return problems;
}

function checkedConnection(connection: JsonObject, credentials: Credentials | undefined): RestConnection {
  const { headers, query } = credentialsOf((connection['auth'] ?? {}) as Record<string, string>);
  return {
    baseUrl: parseBase(connection['baseUrl'] as string) as URL,
    headers: { ...(connection['headers'] as Record<string, string> | undefined), ...headers },
    query,
    ...(credentials !== undefined && { credentials }),
    network: connection['allowPrivateNetwork'] === true ? undefined : publicNetwork,
    testPath: (connection['testPath'] ?? '') as string,
  };
}

function credentialsOf(auth: Readonly<Record<string, string>>): Pick<RestConnection, 'headers' | 'query'> {
  const {
    type,
    token = '',
    username = '',
    password = '',
    name = '',
    apiKey = '',
    location = 'header',
  } = auth;
  if (type === 'bearer') return { headers: { authorization: `Bearer ${token}` }, query: {} };
  if (type === 'http_basic') {
    const credentials = Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
    return { headers: { authorization: `Basic ${credentials}` }, query: {} };
  }
  if (type !== 'api_key') return { headers: {}, query: {} };
  return location === 'query'
    ? { headers: {}, query: { [name]: apiKey } }
    : { headers: { [name.toLowerCase()]: apiKey }, query: {} };
}

function parseBase(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (!['http:', 'https:'].includes(url.protocol)) return undefined;
  if (url.username !== '' || url.password !== '' || /[?#]/.test(text)) return undefined;
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
