import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Client } from '@hubspot/api-client';
import { BatchInputPublicFetchAssociationsBatchRequest } from '@hubspot/api-client/lib/codegen/crm/associations/v4/models/BatchInputPublicFetchAssociationsBatchRequest.js';
import { PublicFetchAssociationsBatchRequest } from '@hubspot/api-client/lib/codegen/crm/associations/v4/models/PublicFetchAssociationsBatchRequest.js';
import { PublicObjectSearchRequest } from '@hubspot/api-client/lib/codegen/crm/contacts/models/PublicObjectSearchRequest.js';
import { createHubspotServer, type HubspotServer, type HubspotServerOptions } from '../../testing/index.js';

/*
 * The judge of the fixture's fidelity is HubSpot's own client: what it reads, by the types that it was generated with,
 * is what the fixture holds.
 */

const opened: HubspotServer[] = [];

async function account(
  options: HubspotServerOptions = {},
): Promise<{ server: HubspotServer; client: Client }> {
  const server = await createHubspotServer({ seed: 3, contacts: 25, ...options });
  opened.push(server);
  const client = new Client({
    accessToken: server.accessToken,
    basePath: server.url,
    numberOfApiCallRetries: 3,
  });
  return { server, client };
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.close()));
});

describe('HubSpot’s client', () => {
  test('lists all contacts, page by page, and what is archived', async () => {
    const { server, client } = await account({ steps: 3 });
    while (!server.isDone()) server.advance();
    const contacts = await client.crm.contacts.getAll(10, undefined, ['email', 'city']);
    const truth = server.truth('contacts');
    expect(contacts.map(({ id }) => id)).toEqual(truth.map(({ id }) => id));
    expect(contacts.map(({ updatedAt }) => updatedAt.toISOString())).toEqual(
      truth.map(({ updatedAt }) => updatedAt),
    );
    expect(contacts[0]?.properties).toMatchObject({ email: truth[0]?.properties['email'] });
    const archived = await client.crm.contacts.getAll(10, undefined, undefined, undefined, undefined, true);
    expect(archived.map(({ id }) => id)).toEqual(server.archivedIds('contacts'));
    expect(archived.every(({ archivedAt }) => archivedAt instanceof Date)).toBe(true);
    const companies = await client.crm.companies.basicApi.getPage(100);
    expect(companies.results).toHaveLength(server.truth('companies').length);
  });

  test('searches by the time of the last change, and is refused past the greatest number of results', async () => {
    const { server, client } = await account({ searchMaxResults: 20 });
    const truth = server.truth('contacts');
    const times = truth.map(({ updatedAt }) => updatedAt).sort();
    const question = Object.assign(new PublicObjectSearchRequest(), {
      filterGroups: [
        {
          filters: [
            {
              propertyName: 'lastmodifieddate',
              operator: 'GTE' as never,
              value: String(Date.parse(times[5] ?? '')),
            },
          ],
        },
      ],
      sorts: ['lastmodifieddate'],
      properties: ['email'],
      limit: 10,
    });
    const found = await client.crm.contacts.searchApi.doSearch(question);
    expect(found.total).toBe(20);
    expect(found.results.map(({ updatedAt }) => updatedAt.toISOString())).toEqual(times.slice(5, 15));
    expect(found.paging?.next?.after).toBe('10');
    question.after = '15';
    await expect(client.crm.contacts.searchApi.doSearch(question)).rejects.toMatchObject({
      code: 400,
      body: { category: 'VALIDATION_ERROR' },
    });
  });

  test('reads associations, and hears of the objects that have none', async () => {
    const { server, client } = await account();
    const truth = server.truth('contacts');
    const question = new BatchInputPublicFetchAssociationsBatchRequest();
    question.inputs = truth.map(({ id }) => Object.assign(new PublicFetchAssociationsBatchRequest(), { id }));
    const answer = await client.crm.associations.v4.batchApi.getPage('contacts', 'companies', question);
    const none = truth.filter(({ companies }) => companies.length === 0);
    expect(answer.results).toHaveLength(truth.length - none.length);
    expect((answer as { numErrors?: number }).numErrors).toBe(none.length);
    for (const { _from, to, paging } of answer.results) {
      const companies = truth.find(({ id }) => id === _from.id)?.companies ?? [];
      expect(to.map(({ toObjectId }) => toObjectId)).toEqual(companies.slice(0, 2));
      expect(paging?.next?.after).toBe(companies.length > 2 ? '2' : undefined);
    }
  });

  test('knows the limits by their names, and waits for the one that passes in a second', async () => {
    const { server, client } = await account();
    const told = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    try {
      server.failNext({ kind: 'limit', policyName: 'SECONDLY' });
      expect((await client.crm.contacts.basicApi.getPage(5)).results).toHaveLength(5);
      expect(server.requests()).toHaveLength(2);
      server.failNext({ kind: 'limit', policyName: 'DAILY' });
      await expect(client.crm.contacts.basicApi.getPage(5)).rejects.toMatchObject({
        code: 429,
        body: { policyName: 'DAILY', errorType: 'RATE_LIMIT' },
      });
      server.failNext({ kind: 'status', status: 502 });
      expect((await client.crm.contacts.basicApi.getPage(5)).results).toHaveLength(5);
    } finally {
      told.mockRestore();
    }
  });

  test('is refused with another token', async () => {
    const { server } = await account();
    const stranger = new Client({ accessToken: 'another', basePath: server.url });
    await expect(stranger.crm.contacts.basicApi.getPage(5)).rejects.toMatchObject({ code: 401 });
  });
});

test('the script is the same for the same seed, and another for another', async () => {
  const [a, b, c] = await Promise.all([account({ seed: 4 }), account({ seed: 4 }), account({ seed: 5 })]);
  const state = ({ server }: { server: HubspotServer }): string =>
    JSON.stringify([server.truth('contacts'), server.archivedIds('contacts')]);
  while (!a.server.isDone()) {
    for (const { server } of [a, b, c]) server.advance();
    expect(state(a)).toBe(state(b));
    expect(state(a)).not.toBe(state(c));
  }
});
