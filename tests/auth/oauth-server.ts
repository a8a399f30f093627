import { jest } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, type JWK } from 'jose';
import { errors, Provider, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';

/** One answer of the token endpoint: grant type and error code, or `ok`. */
export type GrantOutcome = readonly [grantType: string, outcome: string];

const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code';
const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/**
 * A real OAuth server (oidc-provider) over HTTP with rotating refresh tokens, and behind it a resource, `/me`, that takes
 * valid tokens only. Its grant for JWT bearer assertions is a fixture of these tests: the server has none of its own.
 */
export class OAuthServer {
  readonly url: string;
  readonly grants: GrantOutcome[] = [];
  /** Of the client "service"; its signs must survive Basic authentication. */
  readonly serviceSecret = 'canary-service-secret:%/+';
  /** Calls of the resource, by the status of their answer. */
  readonly resourceStatuses: number[] = [];
  /** The resource refuses every token. */
  isResourceClosed = false;
  /** Told each time the resource refused somebody, with how often so far. */
  onRefused: (count: number) => void = () => undefined;
  /** Told of every token that is given, refresh tokens too. */
  onToken: (token: string) => void = () => undefined;
  /** The access token that was given last. */
  lastToken = '';
  /** Requests to the token endpoint wait for it. */
  gate: Promise<void> = Promise.resolve();
  /** So many of the next requests to the token endpoint are answered 503. */
  outages = 0;
  /** Requests that came to the token endpoint. */
  tokenRequests = 0;
  /** PKCS #8 key that the client "robot" signs assertions with. */
  readonly robotKey: string;
  /** PKCS #8 key by which the client "signer" shows who it is. */
  readonly signerKey: string;
  readonly #server: Server;
  readonly #provider: Provider;

  private constructor(server: Server, { pem: robotKey, publicKey }: SigningKey, signer: SigningKey) {
    this.#server = server;
    this.signerKey = signer.pem;
    this.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    this.robotKey = robotKey;
    // It warns that it is set up for tests alone.
    const warnings = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    jest.spyOn(console, 'info').mockImplementation(() => undefined);
    this.#provider = new Provider(this.url, this.#configuration(signer.publicKey));
    warnings.mockRestore();
    this.#provider.registerGrantType(jwtBearer, (ctx) => this.#assertionGrant(ctx, publicKey), [
      'assertion',
      'scope',
    ]);
    this.#provider.on('grant.success', (ctx) => {
      this.#record(ctx, 'ok');
      const { access_token: access = '', refresh_token: refresh } = ctx.body as Record<string, string>;
      this.lastToken = access;
      for (const token of [access, refresh]) if (token !== undefined) this.onToken(token);
    });
    this.#provider.on('grant.error', (ctx, error) => this.#record(ctx, error.error));
  }

  static async start(): Promise<OAuthServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const oauth = new OAuthServer(server, await makeKey(), await makeKey());
    server.on('request', oauth.#listener());
    return oauth;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** Makes the server forget an access token, as an administrator can. */
  async revokeAccess(token: string): Promise<void> {
    await (await this.#find(token))?.destroy();
  }

  /** Takes back all that was given with an access token, its refresh tokens too. */
  async revokeGrant(token: string): Promise<void> {
    const { grantId } = (await this.#provider.AccessToken.find(token)) ?? {};
    if (grantId === undefined) throw new Error('there is no such token');
    await this.#provider.AccessToken.revokeByGrantId(grantId);
    await this.#provider.RefreshToken.revokeByGrantId(grantId);
  }

  async isValid(token: string): Promise<boolean> {
    return (await this.#find(token)) !== undefined;
  }

  async #find(token: string) {
    return (
      (await this.#provider.AccessToken.find(token)) ?? (await this.#provider.ClientCredentials.find(token))
    );
  }

  #record(ctx: KoaContextWithOIDC, outcome: string): void {
    this.grants.push([String(ctx.oidc.params?.['grant_type']), outcome]);
  }

  #listener(): RequestListener {
    const provider = this.#provider.callback();
    return (request, response) => {
      if (request.url === '/orders') {
        void this.#statusFor(request).then((status) => {
          this.resourceStatuses.push(status);
          if (status === 401) this.onRefused(this.resourceStatuses.filter((other) => other === 401).length);
          response.writeHead(status, { 'content-type': 'application/json' }).end('{"orders":[]}');
        });
      } else if (request.url === '/token') {
        this.tokenRequests += 1;
        if (this.outages > 0) {
          this.outages -= 1;
          response.writeHead(503).end();
          return;
        }
        void this.gate.then(() => provider(request, response));
      } else void provider(request, response);
    };
  }

  async #statusFor({ headers }: IncomingMessage): Promise<number> {
    const [, token = ''] = /^Bearer (\S+)$/.exec(headers.authorization ?? '') ?? [];
    return !this.isResourceClosed && (await this.isValid(token)) ? 200 : 401;
  }

  async #assertionGrant(ctx: KoaContextWithOIDC, publicKey: JWK): Promise<void> {
    const { client, params } = ctx.oidc;
    const { payload } = await jwtVerify(
      String(params?.['assertion']),
      createLocalJWKSet({ keys: [{ ...publicKey, kid: 'robot-key', alg: 'ES256' }] }),
      { audience: `${this.url}/token`, issuer: 'robot', subject: 'ana', requiredClaims: ['exp', 'jti'] },
    ).catch(() => {
      throw new errors.InvalidGrant('the assertion is not accepted');
    });
    if (client === undefined) throw new Error('no client');
    const token = new this.#provider.ClientCredentials({ client, scope: String(payload['scope'] ?? '') });
    ctx.body = {
      access_token: await token.save(),
      expires_in: token.expiration,
      token_type: token.tokenType,
    };
  }

  #configuration(signer: JWK): Configuration {
    return {
      clients: [
        {
          client_id: 'app',
          application_type: 'native',
          token_endpoint_auth_method: 'none',
          redirect_uris: ['http://127.0.0.1/callback'],
          grant_types: ['authorization_code', 'refresh_token', deviceCode],
          response_types: ['code'],
        },
        {
          client_id: 'service',
          client_secret: this.serviceSecret,
          redirect_uris: [],
          response_types: [],
          grant_types: ['client_credentials'],
        },
        {
          client_id: 'service-post',
          client_secret: this.serviceSecret,
          token_endpoint_auth_method: 'client_secret_post',
          redirect_uris: [],
          response_types: [],
          grant_types: ['client_credentials'],
        },
        {
          client_id: 'signer',
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_signing_alg: 'ES256',
          jwks: { keys: [{ ...signer, kid: 'signer-key', alg: 'ES256', use: 'sig' }] },
          redirect_uris: [],
          response_types: [],
          grant_types: ['client_credentials'],
        },
        {
          client_id: 'robot',
          token_endpoint_auth_method: 'none',
          redirect_uris: [],
          response_types: [],
          grant_types: [jwtBearer],
        },
      ],
      findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: true },
        deviceFlow: { enabled: true },
      },
      scopes: ['openid', 'offline_access', 'orders'],
      pkce: { required: () => true, methods: ['S256'] },
      rotateRefreshToken: true,
      cookies: { keys: ['cookie-key-of-a-test'] },
      ttl: {
        AccessToken: 3_600,
        ClientCredentials: 3_600,
        DeviceCode: 600,
        RefreshToken: 86_400,
        Interaction: 600,
        Session: 600,
        Grant: 86_400,
        IdToken: 600,
      },
    };
  }
}

interface SigningKey {
  /** PKCS #8. */
  readonly pem: string;
  readonly publicKey: JWK;
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const text = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey)).toString('base64');
  const pem = `-----BEGIN PRIVATE KEY-----\n${text.replaceAll(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
  return { pem, publicKey: await exportJWK(publicKey) };
}

/** The page that a sign-in ended on. */
export interface LastPage {
  readonly status: number;
  readonly text: string;
  /** Addresses in the order in which they were visited. */
  readonly visited: readonly string[];
}

/**
 * A person at a browser: opens the address, follows every redirect with its cookies, signs in and consents, or says no, until
 * a page stands without a form. On the page for devices it types the code.
 */
export async function signIn(address: string, { deny = false, userCode = '' } = {}): Promise<LastPage> {
  const cookies = new Map<string, string>();
  const visited: string[] = [];
  let next: { url: string; form?: URLSearchParams } = { url: address };
  for (let step = 0; step < 20; step += 1) {
    visited.push(next.url);
    const response = await fetch(next.url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(next.form !== undefined && { method: 'POST', body: next.form }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    const text = await response.text();
    const form = /<form[^>]* action="([^"]+)"/.exec(text)?.[1];
    if (location !== null) next = { url: new URL(location, next.url).href };
    else if (form === undefined || !response.ok) return { status: response.status, text, visited };
    else if (text.includes('op.device')) next = { url: form, form: codeForm(text, userCode) };
    else if (deny) next = { url: `${form}/abort` };
    else {
      const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1] ?? '';
      const fields = prompt === 'login' ? { login: 'ana', password: 'canary-password' } : {};
      next = { url: form, form: new URLSearchParams({ prompt, ...fields }) };
    }
  }
  throw new Error('the sign-in does not end');
}

/** The form of a page for devices: first the code is typed, then confirmed. */
function codeForm(page: string, userCode: string): URLSearchParams {
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
  const answer = page.includes('name="confirm"') ? { confirm: 'yes' } : {};
  return new URLSearchParams({ xsrf, user_code: userCode, ...answer });
}
