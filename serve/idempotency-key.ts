import type { IncomingHttpHeaders } from 'node:http';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';

/**
 * The key by which a sender names what it sends, so that a repeat is known. The header is a quoted text
 * (draft-ietf-httpapi-idempotency-key-header); many senders leave the quotes out.
 *
 * @throws PipelineError GATEWAY_REQUEST_INVALID
 */
export function idempotencyKey(headers: IncomingHttpHeaders): string | undefined {
  const header = headers['idempotency-key'];
  if (header === undefined) return undefined;
  const key = typeof header === 'string' ? unquoted(header) : '';
  if (/^[\x20-\x7e]+$/.test(key) && key.length <= limits.pushKeyMaxLength) return key;
  throw new PipelineError('GATEWAY_REQUEST_INVALID', {
    reason: `header Idempotency-Key must be 1 to ${String(limits.pushKeyMaxLength)} printable characters of ASCII`,
  });
}

export function unquoted(key: string): string {
  return /^"(.*)"$/.exec(key)?.[1] ?? key;
}
