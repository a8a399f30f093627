import { afterAll, beforeAll } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createOAuthCredentials } from '../../connectors/oauth/credentials.js';
import { httpRequest } from '../../connectors/http/index.js';
import type { Credentials } from '../../connectors/http/index.js';
import { logIn } from '../../connectors/oauth/login.js';
import { oauthSettings, type OAuthSettings } from '../../connectors/oauth/settings.js';
import type { JsonObject } from '../../core/json.js';
import { openOpsStore, type OpsPlace, type OpsStore } from '../../ops/store.js';
import { createKeyring } from '../../security/keyring.js';
import { temporaryFolder } from '../helpers/folder.js';
import { OAuthServer, signIn } from './oauth-server.js';

/** An OAuth server and an operations store for the tests of one file. */
export class OAuthSetting {
  readonly path = join(temporaryFolder(), 'ops.db');
  place: OpsPlace = { path: this.path };
  readonly key = `test:${randomBytes(32).toString('base64')}`;
  readonly signal = new AbortController().signal;
  #server: OAuthServer | undefined;
  #store: OpsStore | undefined;

  /** @param makePlace where the store is; default: a file */
  constructor(makePlace: () => Promise<OpsPlace> = async () => ({ path: this.path })) {
    beforeAll(async () => {
      this.#server = await OAuthServer.start();
      this.place = await makePlace();
      this.#store = await openOpsStore({ ...this.place, keyring: createKeyring([this.key]) });
    });
    afterAll(async () => {
      await this.#store?.close();
      await this.#server?.close();
    });
  }

  get server(): OAuthServer {
    if (this.#server === undefined) throw new Error('the OAuth server is not started');
    return this.#server;
  }

  get store(): OpsStore {
    if (this.#store === undefined) throw new Error('the store is not open');
    return this.#store;
  }

  /** `auth` of a connection that people log in to. */
  codeAuth(further: JsonObject = {}): JsonObject {
    return {
      type: 'oauth2',
      grant: 'authorization_code',
      issuer: this.server.url,
      clientId: 'app',
      scope: 'openid offline_access',
      parameters: { prompt: 'consent' },
      ...further,
    };
  }

  /** `auth` of a connection that needs nobody. */
  serviceAuth(further: JsonObject = {}): JsonObject {
    return {
      type: 'oauth2',
      grant: 'client_credentials',
      tokenUrl: `${this.server.url}/token`,
      clientId: 'service',
      clientSecret: this.server.serviceSecret,
      scope: 'orders',
      ...further,
    };
  }

  async loggedIn(name: string, further: JsonObject = {}): Promise<OAuthSettings> {
    const settings = oauthSettings(name, this.codeAuth(further));
    let page: Promise<unknown> | undefined;
    await logIn(settings, this.store.tokens, {
      onAddress: (address) => {
        page = signIn(address.href);
      },
    });
    await page;
    return settings;
  }

  credentials(settings: OAuthSettings): Credentials {
    return createOAuthCredentials(settings, this.store.tokens);
  }

  /** The access token that requests carry now. */
  async token(settings: OAuthSettings): Promise<string> {
    const headers = await this.credentials(settings).headers(this.signal);
    return headers['authorization']?.replace('Bearer ', '') ?? '';
  }

  /** A request to the resource behind the server. */
  request(settings: OAuthSettings, credentials = this.credentials(settings)) {
    return httpRequest({
      source: 'orders',
      url: new URL(`${this.server.url}/orders`),
      credentials,
      accept: 'application/json',
      signal: this.signal,
    });
  }
}
