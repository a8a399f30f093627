import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { takesSecrets } from '../http/secret-destination.js';
import type { Credentials } from '../http/index.js';
import { optionProblems } from '../option-problems.js';
import { nameProblem, operators, type SoqlCondition } from './soql.js';

/** Version of the API that is asked for when nobody names one. */
const defaultApiVersion = '60.0';
/** The API's own bounds on `batchSize` (REST API Developer Guide, "Query Options Header"). */
const pageRecords = { min: 200, max: 2_000 } as const;

const text: JsonObject = { type: 'string', minLength: 1 };
const scalar: JsonObject = { type: ['string', 'number', 'boolean', 'null'] };

const connectionSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    connector: { type: 'string' },
    url: { type: 'string' },
    accessToken: text,
    apiVersion: { type: 'string', pattern: '^[0-9]{2,3}\\.0$' },
    apiReservePercent: { type: 'number', minimum: 0, maximum: 90 },
  },
};

const optionSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    fields: { type: 'array', minItems: 1, uniqueItems: true, items: text },
    where: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['field', 'operator', 'value'],
        properties: {
          field: text,
          operator: { enum: [...operators] },
          value: { anyOf: [scalar, { type: 'array', minItems: 1, items: scalar }] },
        },
      },
    },
    deletions: { type: 'boolean' },
    bulk: { enum: ['full', 'always', 'never'] },
    pageSize: { type: 'integer', minimum: pageRecords.min, maximum: pageRecords.max },
    bulkPageSize: { type: 'integer', minimum: 1, maximum: 50_000 },
  },
};

/** Where to, and with which token. */
export interface SalesforceConnection {
  /** Absent where the login tells it. */
  readonly url?: URL;
  /** Absent where `credentials` authorise instead. */
  readonly accessToken?: string;
  readonly credentials?: Credentials;
  readonly apiVersion: string;
  readonly apiReservePercent: number;
}

/** A connection and the options of one read, checked as far as they can be without asking the org. */
export interface SalesforceSettings extends SalesforceConnection {
  /** API name of the object. */
  readonly object: string;
  /** Absent: all fields. */
  readonly fields?: readonly string[];
  readonly where: readonly SoqlCondition[];
  readonly deletions: boolean;
  readonly bulk: 'full' | 'always' | 'never';
  readonly pageSize: number;
  readonly bulkPageSize: number;
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function salesforceSettings(
  stream: string,
  connection: JsonObject,
  options: JsonObject,
  credentials?: Credentials,
): SalesforceSettings {
  const problems = [
    ...connectionProblems(connection, credentials),
    ...optionProblems(optionSchema, options, 'salesforce'),
    ...nameProblem('the object', stream),
  ];
  if (problems.length === 0)
    for (const name of [...textsOf(options['fields']), ...conditionsOf(options).map(({ field }) => field)])
      problems.push(...nameProblem('a field', name));
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return {
    ...checkedConnection(connection, credentials),
    object: stream,
    ...(options['fields'] !== undefined && { fields: textsOf(options['fields']) }),
    where: conditionsOf(options),
    deletions: options['deletions'] !== false,
    bulk: (options['bulk'] ?? 'full') as SalesforceSettings['bulk'],
    pageSize: (options['pageSize'] ?? pageRecords.max) as number,
    bulkPageSize: (options['bulkPageSize'] ?? limits.salesforceBulkPageRecords) as number,
  };
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function salesforceConnection(
  connection: JsonObject,
  credentials?: Credentials,
): SalesforceConnection {
  const problems = connectionProblems(connection, credentials);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return checkedConnection(connection, credentials);
}

function connectionProblems(connection: JsonObject, credentials: Credentials | undefined): string[] {
  const problems = optionProblems(connectionSchema, connection, 'connection');
  const { url, accessToken } = connection;
  if (credentials === undefined && (accessToken === undefined || url === undefined))
    problems.push('connection needs "auth" with a login, or "url" and "accessToken"');
  if (url !== undefined && instanceOf(url) === undefined)
    problems.push('connection.url must be https, or http on this machine: the address of your My Domain');
  return problems;
}

function checkedConnection(
  connection: JsonObject,
  credentials: Credentials | undefined,
): SalesforceConnection {
  const { url, accessToken, apiVersion, apiReservePercent } = connection;
  return {
    ...(url !== undefined && { url: instanceOf(url) as URL }),
    ...(credentials === undefined ? { accessToken: accessToken as string } : { credentials }),
    apiVersion: (apiVersion ?? defaultApiVersion) as string,
    apiReservePercent: (apiReservePercent ?? limits.salesforceApiReservePercent) as number,
  };
}

function instanceOf(url: JsonValue): URL | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return takesSecrets(parsed) ? parsed : undefined;
}

function conditionsOf(options: JsonObject): readonly SoqlCondition[] {
  return (options['where'] ?? []) as unknown as readonly SoqlCondition[];
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
