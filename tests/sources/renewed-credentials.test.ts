import { afterEach, describe, expect, test } from '@jest/globals';
import type { Credentials } from '../../connectors/http/index.js';
import { source as graphqlSource } from '../../connectors/graphql/index.js';
import { graphql } from '../../connectors/graphql/reference.js';
import { source as hubspotSource } from '../../connectors/hubspot/index.js';
import { source as magentoSource } from '../../connectors/magento/index.js';
import { source as klaviyoSource } from '../../connectors/klaviyo/index.js';
import { source as mailchimpSource } from '../../connectors/mailchimp/index.js';
import { source as restSource } from '../../connectors/rest/index.js';
import { rest } from '../../connectors/rest/reference.js';
import { source as salesforceSource } from '../../connectors/salesforce/index.js';
import type { ReadRequest, Source } from '../../connectors/source.js';
import {
  createHubspotServer,
  createMagentoServer,
  createRestServer,
  createSalesforceServer,
  createGraphqlServer,
  createKlaviyoServer,
  createMailchimpServer,
} from '../../testing/index.js';
import { readAll, rejection } from './read-all.js';

/** The part of an OAuth login that a source sees: a token that was revoked, and the one after its renewal. */
function renewable(after: string): Credentials & { renewals: number } {
  let token = 'revoked-token';
  return {
    connection: 'crm',
    renewals: 0,
    headers: () => Promise.resolve({ authorization: `Bearer ${token}` }),
    renew() {
      this.renewals += 1;
      token = after;
      return Promise.resolve();
    },
  };
}

interface Place {
  readonly source: Source;
  readonly request: Partial<ReadRequest>;
  close(): Promise<void>;
}

const places: Readonly<Record<string, (token: string) => Promise<Place>>> = {
  async rest(token) {
    const server = await createRestServer({ seed: 7, records: 45, token });
    const { stream, options } = rest({
      connection: 'api',
      path: 'offset',
      dataSelector: 'data',
      paginator: { type: 'offset', limit: 50, totalPath: 'total' },
    });
    const connection = {
      connector: 'rest',
      baseUrl: `${server.url}/v1`,
      allowPrivateNetwork: true,
      testPath: 'offset',
    };
    return {
      source: restSource,
      request: { stream, options, connection },
      close: () => server.close(),
    };
  },
  async hubspot(token) {
    const server = await createHubspotServer({ seed: 5, contacts: 45, accessToken: token });
    const connection = { connector: 'hubspot', url: server.url };
    return {
      source: hubspotSource,
      request: { stream: 'contacts', connection, options: { deletions: false } },
      close: () => server.close(),
    };
  },
  async magento(token) {
    const server = await createMagentoServer({ seed: 5, orders: 45, accessToken: token });
    const connection = { connector: 'magento', url: server.url, allowPrivateNetwork: true };
    return {
      source: magentoSource,
      request: { stream: 'orders', connection },
      close: () => server.close(),
    };
  },
  async salesforce(token) {
    const server = await createSalesforceServer({ seed: 5, contacts: 45, accessToken: token });
    const connection = { connector: 'salesforce', url: server.url };
    return {
      source: salesforceSource,
      request: { stream: 'Contact', connection },
      close: () => server.close(),
    };
  },
  async graphql(token) {
    const server = await createGraphqlServer({ seed: 7, records: 45, token });
    const { stream, options } = graphql({
      connection: 'api',
      query:
        'query($after: String) { items(after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }',
      dataSelector: 'items.nodes',
      paginator: { type: 'relay' },
    });
    const connection = { connector: 'graphql', baseUrl: server.url, allowPrivateNetwork: true };
    return { source: graphqlSource, request: { stream, options, connection }, close: () => server.close() };
  },
  async klaviyo(token) {
    const server = await createKlaviyoServer({ seed: 7, profiles: 45, apiKey: token });
    const connection = { connector: 'klaviyo', url: server.url };
    return {
      source: klaviyoSource,
      request: { stream: 'profiles', connection },
      close: () => server.close(),
    };
  },
  async mailchimp(token) {
    const server = await createMailchimpServer({ seed: 7, members: 45, apiKey: token });
    const connection = { connector: 'mailchimp', loginUrl: server.url };
    return {
      source: mailchimpSource,
      request: { stream: 'members', connection, options: { listId: server.listId } },
      close: () => server.close(),
    };
  },
};

let place: Place | undefined;

afterEach(async () => {
  await place?.close();
});

describe.each(Object.keys(places))('a login of source %s', (name) => {
  const open = async (token: string): Promise<Place> => {
    place = await places[name]?.(token);
    if (place === undefined) throw new Error('no place');
    return place;
  };

  test('is renewed once where the token was revoked, and every row arrives', async () => {
    const { source, request } = await open('fresh-token');
    const credentials = renewable('fresh-token');
    const { rows } = await readAll(source, { ...request, credentials });
    expect(rows).toHaveLength(45);
    expect(credentials.renewals).toBe(1);
  });

  test('whose new token is refused too ends the read, and no token is in the error', async () => {
    const { source, request } = await open('fresh-token');
    const credentials = renewable('useless-token');
    const error = await rejection(readAll(source, { ...request, credentials }));
    expect(error).toMatchObject({ code: 'OAUTH_TOKEN_USELESS', retryable: false });
    expect(String(error)).not.toMatch(/-token/);
    expect(credentials.renewals).toBe(1);
  });

  test('is what a connection needs that has no token', async () => {
    const { source, request } = await open('fresh-token');
    const credentials = renewable('fresh-token');
    const signal = AbortSignal.timeout(30_000);
    expect((await source.test(request.connection ?? {}, { signal, credentials })).detail).not.toBe('');
  });
});
