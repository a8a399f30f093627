import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { FetchPublic } from './provider.js';

interface Kept {
  readonly key: Promise<KeyObject>;
  readonly untilMs: number;
}

/** Public keys of a provider by their address, each fetched once for all requests that wait for it. */
export interface PublicKeys {
  /** @throws PipelineError GATEWAY_UNAVAILABLE when it cannot be fetched now; the sender comes again */
  get(url: URL, nowMs: number): Promise<KeyObject>;
}

/**
 * Fetches keys and certificates. The caller has checked that the address belongs to the provider. Fetches are bounded:
 * in number a minute, so that a flood of made-up addresses reaches nobody, and in keys that are remembered.
 */
export function createPublicKeys(fetchPublic: FetchPublic): PublicKeys {
  const kept = new Map<string, Kept>();
  let minute = 0;
  let fetches = 0;
  return {
    async get(url, nowMs) {
      const known = kept.get(url.href);
      if (known !== undefined && known.untilMs > nowMs) return known.key;
      const thisMinute = Math.floor(nowMs / 60_000);
      if (thisMinute !== minute) [minute, fetches] = [thisMinute, 0];
      if (fetches >= limits.webhookPublicKeyFetchesPerMinute)
        throw unavailable('too many public keys are asked for');
      fetches += 1;
      const key = fetchPublic(url).then(readPublicKey);
      kept.set(url.href, { key, untilMs: nowMs + limits.webhookPublicKeyMaxAgeMs });
      const oldest = kept.keys().next();
      if (kept.size > limits.webhookPublicKeysKept && oldest.done !== true) kept.delete(oldest.value);
      try {
        return await key;
      } catch {
        if (kept.get(url.href)?.key === key) kept.delete(url.href);
        throw unavailable(`the public key of the provider cannot be fetched from ${url.host}`);
      }
    },
  };
}

/** A PEM text: a certificate, or a bare public key. */
function readPublicKey(pem: string): KeyObject {
  return pem.includes('BEGIN CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
}

function unavailable(reason: string): PipelineError {
  return new PipelineError('GATEWAY_UNAVAILABLE', { reason }, { retryAfterMs: limits.gatewayRetryAfterMs });
}
