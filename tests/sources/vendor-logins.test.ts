import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Credentials } from '../../connectors/http/index.js';
import { createOAuthCredentials } from '../../connectors/oauth/credentials.js';
import { oauthSettings } from '../../connectors/oauth/settings.js';
import { source as magento } from '../../connectors/magento/index.js';
import { source } from '../../connectors/salesforce/index.js';
import type { JsonObject } from '../../core/json.js';
import { openOpsStore, type OpsStore } from '../../ops/store.js';
import { createKeyring } from '../../security/keyring.js';
import {
  createMagentoServer,
  createSalesforceServer,
  type MagentoServer,
  type SalesforceServer,
} from '../../testing/index.js';
import { temporaryFolder } from '../helpers/folder.js';
import { readAll, rejection } from './read-all.js';

const folder = temporaryFolder();
let server: SalesforceServer;
let shop: MagentoServer;
let store: OpsStore;

beforeAll(async () => {
  server = await createSalesforceServer({ seed: 5, contacts: 40, pageMaxRecords: 9, pollsUntilDone: 0 });
  shop = await createMagentoServer({ seed: 5, orders: 40 });
  const keyring = createKeyring([`test:${randomBytes(32).toString('base64')}`]);
  store = await openOpsStore({ path: join(folder, 'ops.db'), keyring });
});

afterAll(async () => {
  await Promise.all([server.close(), shop.close(), store.close()]);
});

function login(connection: string, further: JsonObject): Credentials {
  const { clientId, tokenUrl } = server;
  const settings = oauthSettings(connection, { type: 'oauth2', clientId, tokenUrl, ...further });
  return createOAuthCredentials(settings, store.tokens);
}

const clientCredentials = (): JsonObject => ({
  grant: 'client_credentials',
  clientSecret: server.clientSecret,
});
const jwtBearer = (): JsonObject => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return {
    grant: 'jwt_bearer',
    assertion: {
      privateKey: key,
      subject: 'integration@example.com',
      audience: 'https://login.salesforce.com',
    },
  };
};

test.each([
  ['client credentials', clientCredentials],
  ['a JWT', jwtBearer],
])(
  'a login by %s tells where the org lies, and is renewed once where its session ended',
  async (name, auth) => {
    const credentials = login(name.replaceAll(' ', '-'), auth());
    const request = { stream: 'Contact', connection: { connector: 'salesforce' }, credentials };
    server.failNext({ kind: 'none' }, { kind: 'none' }, { kind: 'session-ended' });
    const { rows } = await readAll(source, { ...request, options: { bulk: 'never' } });
    expect(rows).toHaveLength(40);
    expect(server.requests().filter((line) => line.includes('/oauth2/token')).length).toBeGreaterThanOrEqual(
      2,
    );
    // From the store, as another process reads it.
    expect((await credentials.instanceUrl?.(AbortSignal.timeout(5_000)))?.origin).toBe(server.url);
  },
);

test('a login of Adobe IMS reads a shop, and is renewed once where its token ended', async () => {
  const { clientId, clientSecret, tokenUrl, restUrl } = shop;
  const auth = {
    grant: 'client_credentials',
    clientId,
    clientSecret,
    tokenUrl,
    clientAuth: 'post',
    scope: 'commerce.accs',
  };
  const credentials = login('ims', auth);
  const connection = {
    connector: 'magento',
    restUrl,
    headers: { 'x-api-key': clientId },
    allowPrivateNetwork: true,
  };
  shop.failNext({ kind: 'none' }, { kind: 'none' }, { kind: 'token-ended' });
  const request = { stream: 'orders', connection, credentials, options: { pageSize: 9 } };
  expect((await readAll(magento, request)).rows).toHaveLength(40);
  expect(shop.requests().filter((line) => line.includes('/ims/token'))).toHaveLength(2);
});

test('a login without an address needs one in the connection', async () => {
  const headers = { authorization: `Bearer ${server.accessToken()}` };
  const credentials: Credentials = { headers: () => Promise.resolve(headers) };
  const request = { stream: 'Contact', credentials };
  expect((await rejection(readAll(source, request))).message).toContain('My Domain');
  const { rows } = await readAll(source, { ...request, connection: { url: server.url } });
  expect(rows).toHaveLength(40);
});
