import { PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import type { Credentials } from '../http/index.js';
import { takesSecrets } from '../http/secret-destination.js';
import { closedObject, optionProblems } from '../option-problems.js';

/** Streams of an account. */
export const mailchimpStreams = ['members', 'campaigns', 'email-events'] as const;

/** One of them. */
export type MailchimpStream = (typeof mailchimpStreams)[number];

const text: JsonObject = { type: 'string', minLength: 1 };
const dataCenter: JsonObject = { type: 'string', pattern: '^[a-z]{2,4}[0-9]{1,4}$' };

const connectionSchema = closedObject({
  connector: { type: 'string' },
  apiKey: text,
  dataCenter,
  url: text,
  loginUrl: text,
});

/** The API's own bound (https://mailchimp.com/developer/marketing/docs/methods-parameters/#pagination). */
const pageMaxRecords = 1_000;
const pageSize: JsonObject = { type: 'integer', minimum: 2, maximum: pageMaxRecords };

const optionSchemas: Readonly<Record<MailchimpStream, JsonObject>> = {
  members: closedObject({ listId: { type: 'string', pattern: '^[A-Za-z0-9]+$' }, pageSize }, ['listId']),
  campaigns: closedObject({ pageSize }),
  'email-events': closedObject({
    pageSize,
    campaignDays: { type: 'integer', minimum: 1, maximum: 36_500 },
  }),
};

/** Days after its sending in which what happens to a campaign's messages is asked for, where nobody says. */
const defaultCampaignDays = 60;

/** Where to, and with which credentials. */
export interface MailchimpConnection {
  /** Absent where the login tells it. */
  readonly baseUrl?: URL;
  /** Where a login's own data centre is asked for. */
  readonly loginUrl: URL;
  /** Absent where `credentials` authorise instead. */
  readonly apiKey?: string;
  readonly credentials?: Credentials;
}

/** A connection and the options of one read, checked. */
export interface MailchimpSettings extends MailchimpConnection {
  readonly stream: MailchimpStream;
  /** Audience; of `members` alone. */
  readonly listId: string;
  readonly pageSize: number;
  readonly campaignDays: number;
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function mailchimpSettings(
  name: string,
  connection: JsonObject,
  options: JsonObject,
  credentials?: Credentials,
): MailchimpSettings {
  const stream = mailchimpStreams.find((known) => known === name);
  const problems = connectionProblems(connection, credentials);
  if (stream === undefined)
    problems.push(`connector "mailchimp" has no stream "${name}"; it has ${mailchimpStreams.join(', ')}`);
  else problems.push(...optionProblems(optionSchemas[stream], options, 'mailchimp'));
  if (problems.length > 0 || stream === undefined) throw new PipelineError('CONFIG_INVALID', { problems });
  return {
    ...checkedConnection(connection, credentials),
    stream,
    listId: (options['listId'] ?? '') as string,
    pageSize: (options['pageSize'] ?? pageMaxRecords) as number,
    campaignDays: (options['campaignDays'] ?? defaultCampaignDays) as number,
  };
}

/** @throws PipelineError CONFIG_INVALID naming every problem, never a value */
export function mailchimpConnection(connection: JsonObject, credentials?: Credentials): MailchimpConnection {
  const problems = connectionProblems(connection, credentials);
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return checkedConnection(connection, credentials);
}

function connectionProblems(connection: JsonObject, credentials: Credentials | undefined): string[] {
  const problems = optionProblems(connectionSchema, connection, 'connection');
  const { apiKey, url, loginUrl } = connection;
  if (credentials === undefined && apiKey === undefined)
    problems.push('connection needs "apiKey", or "auth" with a login');
  if (credentials === undefined && apiKey !== undefined && addressOf(connection) === undefined)
    problems.push('connection.apiKey does not end with a data centre (-us6): name it with "dataCenter"');
  for (const [name, value] of Object.entries({ url, loginUrl }))
    if (value !== undefined && secretAddress(value) === undefined)
      problems.push(
        `connection.${name} must be https, or http on this machine; leave it out for Mailchimp's`,
      );
  return problems;
}

function checkedConnection(
  connection: JsonObject,
  credentials: Credentials | undefined,
): MailchimpConnection {
  const baseUrl = addressOf(connection);
  return {
    ...(baseUrl !== undefined && { baseUrl }),
    loginUrl: secretAddress(connection['loginUrl'] ?? 'https://login.mailchimp.com') as URL,
    ...(credentials === undefined ? { apiKey: connection['apiKey'] as string } : { credentials }),
  };
}

/**
 * The address of the account's data centre, whose name a key ends with (`-us6`); a login has none in its token.
 * Source: https://mailchimp.com/developer/marketing/docs/fundamentals/#api-structure.
 */
function addressOf({ url, dataCenter: named, apiKey }: JsonObject): URL | undefined {
  if (url !== undefined) return secretAddress(url);
  const ofKey = typeof apiKey === 'string' ? /-([a-z]{2,4}\d{1,4})$/.exec(apiKey)?.[1] : undefined;
  const name = named ?? ofKey;
  const address = `https://${String(name)}.api.mailchimp.com`;
  return name !== undefined && URL.canParse(address) ? new URL(address) : undefined;
}

function secretAddress(value: unknown): URL | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  return takesSecrets(url) ? url : undefined;
}
