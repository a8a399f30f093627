import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject, JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { takesSecrets } from '../http/secret-destination.js';
import type { Credentials } from '../http/index.js';
import { optionProblems } from '../option-problems.js';
import { hubspotObjects, objectFacts, type HubspotObject } from './objects.js';

/** The API's own bound on lists. */
const pageMaxObjects = 100;
/** Members of every row; a property of one of these names would hide it. */
const rowMembers = ['id', 'createdAt', 'updatedAt', 'archived', 'associations'];

const connectionSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    connector: { type: 'string' },
    accessToken: { type: 'string', minLength: 1 },
    url: { type: 'string' },
  },
};

const optionSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    properties: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', pattern: '^[a-z0-9_-]+$' },
    },
    associations: { type: 'array', uniqueItems: true, items: { enum: [...hubspotObjects] } },
    deletions: { type: 'boolean' },
    pageSize: { type: 'integer', minimum: 1, maximum: pageMaxObjects },
  },
};

/** Where to, and with which token. */
export interface HubspotConnection {
  readonly baseUrl: URL;
  /** Absent where `credentials` authorise instead. */
  readonly accessToken?: string;
  readonly credentials?: Credentials;
}

/** A connection and the options of one read, checked. */
export interface HubspotSettings extends HubspotConnection {
  readonly object: HubspotObject;
  readonly changedProperty: string;
  /** As asked for, and the time of the last change. */
  readonly properties: readonly string[];
  readonly associations: readonly HubspotObject[];
  readonly deletions: boolean;
  readonly pageSize: number;
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function hubspotSettings(
  stream: string,
  connection: JsonObject,
  options: JsonObject,
  credentials?: Credentials,
): HubspotSettings {
  const object = hubspotObjects.find((name) => name === stream);
  const problems = [
    ...connectionProblems(connection, credentials),
    ...optionProblems(optionSchema, options, 'hubspot'),
  ];
  if (object === undefined)
    problems.push(`connector "hubspot" has no stream "${stream}"; it has ${hubspotObjects.join(', ')}`);
  const asked =
    textsOf(options['properties']) ?? (object === undefined ? [] : objectFacts[object].properties);
  for (const name of asked)
    if (rowMembers.includes(name))
      problems.push(`hubspot.properties: a property "${name}" would hide the "${name}" of the row`);
  if (asked.join(',').length > limits.hubspotPropertiesMaxLength)
    problems.push(
      `hubspot.properties are longer than ${String(limits.hubspotPropertiesMaxLength)} characters; split them over two tasks`,
    );
  if (problems.length > 0 || object === undefined) throw new PipelineError('CONFIG_INVALID', { problems });
  const { changedProperty } = objectFacts[object];
  return {
    ...checkedConnection(connection, credentials),
    object,
    changedProperty,
    properties: [...new Set([...asked, changedProperty])],
    associations: (textsOf(options['associations']) ?? []) as HubspotObject[],
    deletions: options['deletions'] !== false,
    pageSize: (options['pageSize'] ?? pageMaxObjects) as number,
  };
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function hubspotConnection(connection: JsonObject, credentials?: Credentials): HubspotConnection {
  const problems = connectionProblems(connection, credentials);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return checkedConnection(connection, credentials);
}

function connectionProblems(connection: JsonObject, credentials: Credentials | undefined): string[] {
  const problems = optionProblems(connectionSchema, connection, 'connection');
  if (credentials === undefined && connection['accessToken'] === undefined)
    problems.push('connection needs "accessToken", or "auth" with a login');
  if (baseUrlOf(connection) === undefined)
    problems.push('connection.url must be https, or http on this machine; leave it out for api.hubapi.com');
  return problems;
}

function checkedConnection(connection: JsonObject, credentials: Credentials | undefined): HubspotConnection {
  const authorised =
    credentials === undefined ? { accessToken: connection['accessToken'] as string } : { credentials };
  return { baseUrl: baseUrlOf(connection) as URL, ...authorised };
}

function baseUrlOf({ url = 'https://api.hubapi.com' }: JsonObject): URL | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return takesSecrets(parsed) ? parsed : undefined;
}

function textsOf(value: JsonValue | undefined): readonly string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined;
}
