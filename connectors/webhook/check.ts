import { createHash, createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';

/** The only value of a header; `undefined` where it is absent or repeated (Node joins repeats with a comma and a space). */
export function singleHeader(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  if (typeof value !== 'string' || value === '' || value.includes(', ')) return undefined;
  return value.length <= limits.webhookHeaderMaxLength ? value : undefined;
}

/** Secrets as HMAC keys, byte for byte as written. */
export function textKeys(secrets: readonly string[]): KeyObject[] {
  return secrets.map((secret) => createSecretKey(Buffer.from(secret, 'utf8')));
}

/** One HMAC over parts, one after the other. */
export function hmac(algorithm: string, key: KeyObject, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const mac = createHmac(algorithm, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** True when one of the keys gives the signature. All keys are tried always, each comparison in constant time. */
export function isSignedByAny<Key>(
  keys: readonly Key[],
  sign: (key: Key) => Uint8Array,
  signature: Uint8Array,
): boolean {
  let isSigned = false;
  for (const key of keys) {
    const expected = sign(key);
    if (expected.length === signature.length && timingSafeEqual(expected, signature)) isSigned = true;
  }
  return isSigned;
}

/** Bytes of a signature in hexadecimal or base64 of an exact size; `undefined` for another form. */
export function signatureBytes(
  text: string | undefined,
  encoding: 'hex' | 'base64',
  size: number,
): Buffer | undefined {
  if (text === undefined) return undefined;
  const isFit =
    encoding === 'hex'
      ? text.length === size * 2 && /^[0-9a-f]+$/i.test(text)
      : text.length === Math.ceil(size / 3) * 4 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  if (!isFit) return undefined;
  const bytes = Buffer.from(text, encoding);
  return bytes.length === size ? bytes : undefined;
}

/** Compares secrets of any length in constant time: their hashes have one length. */
export function isSecretText(known: readonly Uint8Array[], given: string): boolean {
  return isSignedByAny(known, (digest) => digest, sha256(given));
}

export function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

/** Why a signed time cannot be accepted, looking both ways; `undefined` for a good one. */
export function timeProblem(
  atMs: number,
  nowMs: number,
  toleranceMs: number,
  aheadMs = toleranceMs,
): string | undefined {
  if (Number.isNaN(atMs)) return 'its time stamp cannot be read';
  if (nowMs - atMs > toleranceMs) return `its time stamp is more than ${minutes(toleranceMs)} minutes old`;
  if (atMs - nowMs > aheadMs) return `its time stamp is more than ${minutes(aheadMs)} minutes ahead`;
  return undefined;
}

/** @throws PipelineError CONFIG_INVALID */
export function refuseSetup(source: string, problem: string): never {
  throw new PipelineError('CONFIG_INVALID', { problems: [`gateway.webhooks.${source}${problem}`] });
}

function minutes(ms: number): string {
  return String(Math.round(ms / 6_000) / 10);
}
