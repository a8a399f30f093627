import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import type { Credentials } from '../http/index.js';
import { takesSecrets } from '../http/secret-destination.js';
import { optionProblems } from '../option-problems.js';

/** Streams of an account. */
export const klaviyoStreams = ['profiles', 'events', 'email-events'] as const;

/** One of them. */
export type KlaviyoStream = (typeof klaviyoStreams)[number];

/** Revision of the API that is asked for where nobody names one; the shapes here are those of this one. */
const defaultRevision = '2026-07-15';

const connectionSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    connector: { type: 'string' },
    apiKey: { type: 'string', minLength: 1 },
    url: { type: 'string' },
    revision: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$' },
  },
};

const profileFields = ['subscriptions', 'predictive_analytics'];

/** The API's own bounds on pages (Klaviyo OpenAPI, `page[size]` of Get Profiles and Get Events). */
const optionSchemas: Readonly<Record<KlaviyoStream, JsonObject>> = {
  profiles: optionsOf(100, {
    additionalFields: { type: 'array', uniqueItems: true, items: { enum: profileFields } },
  }),
  events: optionsOf(1_000),
  'email-events': optionsOf(1_000),
};

/** Where to, and with which credentials. */
export interface KlaviyoConnection {
  readonly baseUrl: URL;
  readonly revision: string;
  /** Absent where `credentials` authorise instead. */
  readonly apiKey?: string;
  readonly credentials?: Credentials;
}

/** A connection and the options of one read, checked. */
export interface KlaviyoSettings extends KlaviyoConnection {
  readonly stream: KlaviyoStream;
  readonly pageSize: number;
  readonly additionalFields: readonly string[];
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function klaviyoSettings(
  name: string,
  connection: JsonObject,
  options: JsonObject,
  credentials?: Credentials,
): KlaviyoSettings {
  const stream = klaviyoStreams.find((known) => known === name);
  const problems = connectionProblems(connection, credentials);
  if (stream === undefined)
    problems.push(`connector "klaviyo" has no stream "${name}"; it has ${klaviyoStreams.join(', ')}`);
  else problems.push(...optionProblems(optionSchemas[stream], options, 'klaviyo'));
  if (problems.length > 0 || stream === undefined) throw new PipelineError('CONFIG_INVALID', { problems });
  const { pageSize = stream === 'profiles' ? 100 : 1_000, additionalFields = ['subscriptions'] } = options;
  return {
    ...checkedConnection(connection, credentials),
    stream,
    pageSize: pageSize as number,
    additionalFields: additionalFields as string[],
  };
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function klaviyoConnection(connection: JsonObject, credentials?: Credentials): KlaviyoConnection {
  const problems = connectionProblems(connection, credentials);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return checkedConnection(connection, credentials);
}

function connectionProblems(connection: JsonObject, credentials: Credentials | undefined): string[] {
  const problems = optionProblems(connectionSchema, connection, 'connection');
  if (credentials === undefined && connection['apiKey'] === undefined)
    problems.push('connection needs "apiKey" (a private one), or "auth" with a login');
  if (baseUrlOf(connection) === undefined)
    problems.push('connection.url must be https, or http on this machine; leave it out for a.klaviyo.com');
  return problems;
}

function checkedConnection(connection: JsonObject, credentials: Credentials | undefined): KlaviyoConnection {
  return {
    baseUrl: baseUrlOf(connection) as URL,
    revision: (connection['revision'] ?? defaultRevision) as string,
    ...(credentials === undefined ? { apiKey: connection['apiKey'] as string } : { credentials }),
  };
}

function baseUrlOf({ url = 'https://a.klaviyo.com' }: JsonObject): URL | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const parsed = new URL(url);
  return takesSecrets(parsed) ? parsed : undefined;
}

function optionsOf(pageMaxRecords: number, more: JsonObject = {}): JsonObject {
  return {
    type: 'object',
    additionalProperties: false,
    properties: { pageSize: { type: 'integer', minimum: 1, maximum: pageMaxRecords }, ...more },
  };
}
