import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { answeredAtMs, httpRequest, protocolFailure, type Credentials } from '../http/index.js';
import { takesSecrets } from '../http/secret-destination.js';
import { memberAt, parsePage, recordsAt, type JsonPage, type PageRecord } from '../json-page.js';
import { explainRefusal } from './refusal.js';
import type { MailchimpConnection } from './settings.js';

/** One page of a collection. */
export interface MailchimpPage extends JsonPage {
  readonly records: readonly PageRecord[];
  /** How many records the collection has at this moment. */
  readonly total: number;
  /** When it was given, by Mailchimp's clock. */
  readonly answeredAtMs: number;
}

/** Parameters of an address. */
export type MailchimpQuery = Readonly<Record<string, string>>;

/** The Marketing API of one account; one request at a time, of the ten that it takes. @throws PipelineError SOURCE_* */
export interface MailchimpApi {
  /** Host of the data centre. */
  readonly host: string;
  get(path: string, query?: MailchimpQuery): Promise<JsonPage>;
  page(path: string, list: string, query: MailchimpQuery): Promise<MailchimpPage>;
}

/**
 * Finds the data centre, where only the login knows it. Source of outside facts:
 * https://mailchimp.com/developer/marketing/docs/fundamentals/ (Basic authorisation with any name, ten connections at a time).
 *
 * @throws PipelineError SOURCE_*
 */
export async function openMailchimp(
  connection: MailchimpConnection,
  signal: AbortSignal,
): Promise<MailchimpApi> {
  const { apiKey, credentials } = connection;
  const baseUrl = connection.baseUrl ?? (await dataCentreOf(connection, signal));
  const headers =
    apiKey === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`millrace:${apiKey}`).toString('base64')}` };
  const ask = async (path: string, query: MailchimpQuery) => {
    const url = new URL(`/3.0/${path}`, baseUrl);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const response = await httpRequest({
      source: 'mailchimp',
      url,
      headers,
      ...(credentials !== undefined && { credentials }),
      accept: 'application/json',
      timeoutMs: limits.mailchimpRequestTimeoutMs,
      explainRefusal,
      signal,
    });
    return {
      ...parsePage('mailchimp', response.body),
      answeredAtMs: answeredAtMs(response.headers),
    };
  };
  return {
    host: baseUrl.host,
    get: (path, query = {}) => ask(path, query),
    async page(path, list, query) {
      const answer = await ask(path, { ...query, exclude_fields: `_links,${list}._links` });
      const records = recordsAt('mailchimp', answer, [list]);
      const total = memberAt(answer.document, ['total_items']);
      if (typeof total !== 'number' || !Number.isInteger(total))
        throw protocolFailure('mailchimp', 'a page does not tell how many records there are');
      return { ...answer, records, total };
    },
  };
}

/**
 * A token says nothing of its data centre; the login's own server does. It answers a token that it does not know with status
 * 200. Source: https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/.
 */
async function dataCentreOf(connection: MailchimpConnection, signal: AbortSignal): Promise<URL> {
  const { loginUrl, credentials } = connection;
  if (credentials === undefined) throw protocolFailure('mailchimp', 'there is neither data centre nor login');
  const refused = new PipelineError('SOURCE_AUTH', {
    source: 'mailchimp',
    status: 401,
    connection: credentials.connection ?? '-',
  });
  const { body } = await httpRequest({
    source: 'mailchimp',
    url: new URL('/oauth2/metadata', loginUrl),
    credentials: withScheme(credentials),
    refuse: (answer) =>
      memberAt(parsePage('mailchimp', answer.body).document, ['error']) === undefined ? undefined : refused,
    signal,
  });
  const told = memberAt(parsePage('mailchimp', body).document, ['api_endpoint']);
  const url = typeof told === 'string' && URL.canParse(told) ? new URL(told) : undefined;
  const isMailchimp = url?.protocol === 'https:' && url.hostname.endsWith('.api.mailchimp.com');
  // A login on this machine is a stand-in, and so is what it leads to.
  const isStandIn =
    loginUrl.protocol === 'http:' && url !== undefined && url.protocol === 'http:' && takesSecrets(url);
  if (url !== undefined && (isMailchimp || isStandIn)) return url;
  throw protocolFailure('mailchimp', 'the login names no data centre of Mailchimp');
}

/** The same token under the name that the metadata is documented with, `OAuth`. */
function withScheme(credentials: Credentials): Credentials {
  let last: Readonly<Record<string, string>> = {};
  return {
    ...(credentials.connection !== undefined && { connection: credentials.connection }),
    async headers(signal, target) {
      last = await credentials.headers(signal, target);
      return Object.fromEntries(
        Object.entries(last).map(([name, value]) => [name, value.replace(/^Bearer /, 'OAuth ')]),
      );
    },
    ...(credentials.renew !== undefined && {
      renew: (_refused: Readonly<Record<string, string>>, signal: AbortSignal) =>
        credentials.renew?.(last, signal) ?? Promise.resolve(),
    }),
  };
}
