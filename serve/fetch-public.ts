import { sendOnce } from '../connectors/http/send-once.js';
import type { FetchPublic } from '../connectors/webhook/provider.js';
import { limits } from '../core/limits.js';

/** Fetches public keys and certificates: one try, short, small, no redirect to elsewhere. */
export function createPublicKeyFetch(): FetchPublic {
  return async (url) => {
    const { body } = await sendOnce({
      source: url.host,
      url,
      signal: new AbortController().signal,
      timeoutMs: limits.webhookPublicKeyTimeoutMs,
      maxBytes: limits.webhookPublicKeyMaxBytes,
    });
    return Buffer.from(body).toString('utf8');
  };
}
