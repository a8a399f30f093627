import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';

/**
 * Signing keys from their text form: base64, with or without the prefix `whsec_` (Standard Webhooks 1.0).
 *
 * @throws PipelineError CONFIG_INVALID without the value in it
 */
export function readSigningKeys(source: string, secrets: readonly string[]): KeyObject[] {
  return secrets.map((secret, index) => {
    const text = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : secret;
    const key = Buffer.from(text, 'base64');
    const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text);
    if (isBase64 && key.length >= limits.webhookKeyMinBytes) return createSecretKey(key);
    const problem = `gateway.webhooks.${source}.secrets.${String(index)} must be base64 of at least ${String(limits.webhookKeyMinBytes)} bytes, with or without "whsec_" before it`;
    throw new PipelineError('CONFIG_INVALID', { problems: [problem] });
  });
}

/**
 * Checks the head of a delivery by Standard Webhooks 1.0: everything that needs no body. `webhook-` headers win over the
 * same ones with `svix-`.
 */
export function readSignatureHead(headers: IncomingHttpHeaders, nowMs: number): SignatureHead | string {
  const prefix = headers['webhook-signature'] === undefined ? 'svix-' : 'webhook-';
  const id = headers[`${prefix}id`];
  const timestamp = headers[`${prefix}timestamp`];
  const signature = headers[`${prefix}signature`];
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string')
    return 'webhook-id, webhook-timestamp or webhook-signature is missing';
  // Node joins a repeated header with a comma and a space; no single one holds that.
  if ([id, timestamp, signature].some((value) => value.includes(', ')))
    return 'a signature header is repeated';
  if (id === '' || id.length > limits.webhookIdMaxLength || !/^[\x21-\x7e]+$/.test(id))
    return 'webhook-id is not an id';
  if (!/^\d{1,12}$/.test(timestamp)) return 'webhook-timestamp is not in seconds';
  if (Math.abs(nowMs - Number(timestamp) * 1000) > limits.webhookToleranceMs)
    return `webhook-timestamp is more than ${String(limits.webhookToleranceMs / 60_000)} minutes away from now`;
  const signatures = readSignatures(signature);
  if (signatures === undefined) return `more than ${String(limits.webhookMaxSignatures)} signatures`;
  return { id, timestamp, signatures };
}

export interface SignatureHead {
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: readonly Buffer[];
}

/** True when one of the signatures fits one of the keys. Compares in constant time, all pairs always. */
export function isSigned(head: SignatureHead, body: Uint8Array, keys: readonly KeyObject[]): boolean {
  let isValid = false;
  for (const key of keys) {
    const expected = createHmac('sha256', key).update(`${head.id}.${head.timestamp}.`).update(body).digest();
    for (const signature of head.signatures) if (timingSafeEqual(expected, signature)) isValid = true;
  }
  return isValid;
}

/** The `v1` signatures of the header; other versions are skipped. `undefined` for more than are tried. */
function readSignatures(header: string): Buffer[] | undefined {
  const parts = header.split(' ', limits.webhookMaxSignatures + 1);
  if (parts.length > limits.webhookMaxSignatures) return undefined;
  return parts.flatMap((part) => {
    if (!/^v1,[A-Za-z0-9+/]{43}=$/.test(part)) return [];
    return [Buffer.from(part.slice('v1,'.length), 'base64')];
  });
}
