import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { publicNetwork, type Credentials, type PublicNetwork } from '../http/index.js';
import { isReservedHeader } from '../http/reserved-headers.js';
import { takesSecrets } from '../http/secret-destination.js';
import { optionProblems } from '../option-problems.js';
import { createOAuth1Credentials, type IntegrationKeys } from './oauth1.js';
import { magentoStreams, streamFacts, type MagentoStream } from './streams.js';

const text: JsonObject = { type: 'string', minLength: 1 };
const storeCode: JsonObject = { type: 'string', pattern: '^[a-z][a-z0-9_]*$' };

const connectionSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    connector: { type: 'string' },
    url: text,
    restUrl: text,
    store: storeCode,
    accessToken: text,
    auth: {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'consumerKey', 'consumerSecret', 'accessToken', 'accessTokenSecret'],
      properties: {
        type: { enum: ['oauth1'] },
        consumerKey: text,
        consumerSecret: text,
        accessToken: text,
        accessTokenSecret: text,
      },
    },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    allowPrivateNetwork: { type: 'boolean' },
  },
};

const optionSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    fields: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', pattern: '^[a-z][a-z0-9_]*$' },
    },
    store: storeCode,
    pageSize: { type: 'integer', minimum: 1, maximum: limits.magentoPageMaxRecords },
  },
};

/** Where to, and what authorises requests. */
export interface MagentoConnection {
  /** Ends with a slash; `V1/` and what lies below it follow. */
  readonly baseUrl: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials?: Credentials;
  readonly network?: PublicNetwork;
}

/** A connection and the options of one read, checked. */
export interface MagentoSettings extends MagentoConnection {
  readonly stream: MagentoStream;
  /** Members of a record to ask for; absent: all. */
  readonly fields?: readonly string[];
  readonly pageSize: number;
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function magentoSettings(
  name: string,
  connection: JsonObject,
  options: JsonObject,
  credentials?: Credentials,
): MagentoSettings {
  const stream = magentoStreams.find((known) => known === name);
  const problems = [
    ...connectionProblems(connection, credentials),
    ...optionProblems(optionSchema, options, 'magento'),
  ];
  if (stream === undefined)
    problems.push(`connector "magento" has no stream "${name}"; it has ${magentoStreams.join(', ')}`);
  if (options['store'] !== undefined && connection['url'] === undefined)
    problems.push(
      'magento.store needs a connection with "url"; with "restUrl" the store is named in its "headers"',
    );
  if (problems.length > 0 || stream === undefined) throw new PipelineError('CONFIG_INVALID', { problems });
  const { fields } = options;
  const needed = [streamFacts[stream].idMember, 'updated_at'];
  return {
    ...checkedConnection(
      { ...connection, ...(options['store'] !== undefined && { store: options['store'] }) },
      credentials,
    ),
    stream,
    ...(Array.isArray(fields) && { fields: [...new Set([...needed, ...fields.map(String)])] }),
    pageSize: (options['pageSize'] ?? limits.magentoPageRecords) as number,
  };
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function magentoConnection(connection: JsonObject, credentials?: Credentials): MagentoConnection {
  const problems = connectionProblems(connection, credentials);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return checkedConnection(connection, credentials);
}

function connectionProblems(connection: JsonObject, credentials: Credentials | undefined): string[] {
  const problems = optionProblems(connectionSchema, connection, 'connection');
  const { url, restUrl, store, accessToken, auth, headers } = connection;
  if ([accessToken, auth, credentials].filter((one) => one !== undefined).length !== 1)
    problems.push('connection needs one of "accessToken", "auth" of type oauth1, and "auth" with a login');
  if ((url === undefined) === (restUrl === undefined))
    problems.push(
      'connection needs one of "url" (the shop) and "restUrl" (the REST endpoint of Commerce as a Cloud Service)',
    );
  if (store !== undefined && url === undefined)
    problems.push('connection.store needs "url"; with "restUrl" the store is named in "headers"');
  for (const name of Object.keys((headers ?? {}) as JsonObject))
    if (isReservedHeader(name)) problems.push(`connection.headers must not set "${name}"`);
  const address = url ?? restUrl;
  if (address !== undefined && parseBase(address) === undefined)
    problems.push(
      `connection.${url === undefined ? 'restUrl' : 'url'} must be https, or http on this machine, without user, password, "?" and "#"`,
    );
  return problems;
}

function checkedConnection(connection: JsonObject, credentials: Credentials | undefined): MagentoConnection {
  const { url, restUrl, store = 'all', accessToken, auth, headers, allowPrivateNetwork } = connection;
  const base = parseBase((url ?? restUrl) as JsonValue) as URL;
  const signed = auth === undefined ? undefined : createOAuth1Credentials(auth as unknown as IntegrationKeys);
  const authority = credentials ?? signed;
  return {
    baseUrl: url === undefined ? base : new URL(`rest/${String(store)}/`, base),
    headers: {
      ...(headers as Record<string, string> | undefined),
      ...(typeof accessToken === 'string' && { authorization: `Bearer ${accessToken}` }),
    },
    ...(authority !== undefined && { credentials: authority }),
    ...(allowPrivateNetwork !== true && { network: publicNetwork }),
  };
}

function parseBase(address: JsonValue): URL | undefined {
  if (typeof address !== 'string' || !URL.canParse(address) || /[?#]/.test(address)) return undefined;
  const url = new URL(address);
  if (!takesSecrets(url) || url.username !== '' || url.password !== '') return undefined;
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}
