import { createPublicKey, createSecretKey, verify, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { limits } from '../../core/limits.js';
import { hmac, isSignedByAny, refuseSetup, timeProblem } from '../webhook/check.js';
import type { WebhookSetup, WebhookVerifier } from '../webhook/provider.js';

/**
 * Standard Webhooks 1.0 (also Svix): `v1` is an HMAC-SHA256, `v1a` an Ed25519 signature, over id, time stamp and body. A
 * header may hold several signatures, for a rotation.
 *
 * @throws PipelineError CONFIG_INVALID
 */
export function createStandardVerifier(setup: WebhookSetup): WebhookVerifier {
  const keys = setup.secrets.map((secret, index) => readKey(setup.source, index, secret));
  const toleranceMs = setup.toleranceMs ?? limits.webhookToleranceMs;
  return {
    begin({ headers, nowMs }) {
      const head = readHead(headers, nowMs, toleranceMs);
      if (typeof head === 'string') return head;
      return (body) =>
        isSigned(head, body, keys)
          ? { accepted: { id: head.id } }
          : { refused: 'no signature fits its bytes' };
    },
  };
}

interface SignatureHead {
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: readonly { readonly isPublicKey: boolean; readonly bytes: Buffer }[];
}

/** `webhook-` headers win over the same ones with `svix-`. */
function readHead(headers: IncomingHttpHeaders, nowMs: number, toleranceMs: number): SignatureHead | string {
  const prefix = headers['webhook-signature'] === undefined ? 'svix-' : 'webhook-';
  const id = headers[`${prefix}id`];
  const timestamp = headers[`${prefix}timestamp`];
  const signature = headers[`${prefix}signature`];
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string')
    return 'webhook-id, webhook-timestamp or webhook-signature is missing';
  // Node joins a repeated header with a comma and a space; no single one holds that.
  if (id.includes(', ') || timestamp.includes(', ') || signature.includes(', '))
    return 'a signature header is repeated';
  if (id.length > limits.webhookIdMaxLength || !/^[\x21-\x7e]+$/.test(id)) return 'webhook-id is not an id';
  if (!/^\d{1,12}$/.test(timestamp)) return 'webhook-timestamp is not in seconds';
  const stale = timeProblem(Number(timestamp) * 1000, nowMs, toleranceMs);
  if (stale !== undefined) return stale;
  const signatures = readSignatures(signature);
  if (signatures === undefined) return `it has more than ${String(limits.webhookMaxSignatures)} signatures`;
  return { id, timestamp, signatures };
}

/** Signatures of known versions; others are skipped. `undefined` for more than are tried. */
function readSignatures(header: string): SignatureHead['signatures'] | undefined {
  const parts = header.split(' ', limits.webhookMaxSignatures + 1);
  if (parts.length > limits.webhookMaxSignatures) return undefined;
  return parts.flatMap((part) => {
    const [, version, text] = /^(v1,|v1a,)([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)$/.exec(part) ?? [];
    if (version === undefined || text === undefined) return [];
    const isPublicKey = version === 'v1a,';
    const bytes = Buffer.from(text, 'base64');
    return bytes.length === (isPublicKey ? 64 : 32) ? [{ isPublicKey, bytes }] : [];
  });
}

/** True when one of the signatures fits one of the keys. All pairs are tried always. */
function isSigned(head: SignatureHead, body: Uint8Array, keys: readonly KeyObject[]): boolean {
  const signed = `${head.id}.${head.timestamp}.`;
  let isValid = false;
  for (const key of keys) {
    if (key.type === 'secret') {
      const expected = hmac('sha256', key, signed, body);
      for (const { bytes, isPublicKey } of head.signatures)
        if (!isPublicKey && isSignedByAny([expected], (mac) => mac, bytes)) isValid = true;
    } else {
      const content = Buffer.concat([Buffer.from(signed), body]);
      for (const { bytes, isPublicKey } of head.signatures)
        if (isPublicKey && verify(null, content, key, bytes)) isValid = true;
    }
  }
  return isValid;
}

/** DER in front of the 32 bytes of an Ed25519 key (RFC 8410). */
const ed25519Head = Buffer.from('302a300506032b6570032100', 'hex');

function readKey(source: string, index: number, secret: string): KeyObject {
  const isPublicKey = secret.startsWith('whpk_');
  const text = isPublicKey || secret.startsWith('whsec_') ? secret.slice(secret.indexOf('_') + 1) : secret;
  const bytes = Buffer.from(text, 'base64');
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  if (isPublicKey && isBase64 && bytes.length === 32)
    return createPublicKey({ key: Buffer.concat([ed25519Head, bytes]), format: 'der', type: 'spki' });
  if (!isPublicKey && isBase64 && bytes.length >= limits.webhookKeyMinBytes) return createSecretKey(bytes);
  return refuseSetup(
    source,
    `.secrets.${String(index)} must be base64 of at least ${String(limits.webhookKeyMinBytes)} bytes, with or without "whsec_" before it, or "whpk_" and base64 of 32 bytes`,
  );
}
