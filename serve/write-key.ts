import type { IncomingHttpHeaders } from 'node:http';
import { isSecretText, sha256 } from '../connectors/webhook/check.js';
import { PipelineError } from '../core/errors/index.js';

/** Checks write keys in constant time, whatever their length. */
export class WriteKeys {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(sha256);
  }

  /** @throws PipelineError GATEWAY_NO_KEY where no key is configured */
  assertConfigured(): void {
    if (this.#digests.length > 0) return;
    throw new PipelineError('GATEWAY_NO_KEY', { what: 'the Segment API', setting: 'gateway.writeKeys' });
  }

  /** The key of Basic authentication, or else of the body. @throws PipelineError GATEWAY_WRITE_KEY */
  assertKnown(headers: IncomingHttpHeaders, bodyKey: unknown): void {
    const key = basicUser(headers.authorization) ?? bodyKey;
    if (typeof key === 'string' && isSecretText(this.#digests, key)) return;
    throw new PipelineError('GATEWAY_WRITE_KEY');
  }
}

function basicUser(authorization: string | undefined): string | undefined {
  const encoded = /^basic\s+([A-Za-z0-9+/=_-]+)$/i.exec(authorization ?? '')?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8').split(':', 1)[0];
}
