import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An issuer of identity tokens on this machine: OpenID Connect Discovery and keys over HTTP, real signatures. */
export class TestIssuer {
  readonly #server: Server;
  readonly #key: CryptoKey;
  /** Requests for its keys. */
  keyReads = 0;
  isDown = false;

  private constructor(server: Server, key: CryptoKey) {
    this.#server = server;
    this.#key = key;
  }

  static async start(): Promise<TestIssuer> {
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    const keys = [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }];
    const server = createServer((request, response) => {
      if (issuer.isDown) {
        response.writeHead(503).end();
        return;
      }
      const isKeys = request.url === '/keys';
      if (isKeys) issuer.keyReads += 1;
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify(isKeys ? { keys } : { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` }),
      );
    });
    const issuer = new TestIssuer(server, privateKey);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** A token that is valid for an hour, unless the claims say otherwise. */
  async token(claims: JWTPayload, key: CryptoKey = this.#key): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT({ iss: this.url, sub: '1042', iat: now, exp: now + 3_600, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(key);
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
