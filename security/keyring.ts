import { createCipheriv, createDecipheriv, randomBytes, type CipherGCM, type DecipherGCM } from 'node:crypto';
import { PipelineError } from '../core/errors/index.js';

/** Where a secret belongs; a ciphertext opens at its own place only. */
export interface SecretPlace {
  readonly connection: string;
  /** Option path with dots, such as `auth.clientSecret`. */
  readonly path: string;
}

/** Keys that encrypt what the operations store keeps; they are never stored beside it. */
export interface Keyring {
  /** Id of the key that encrypts; undefined where there is no key. */
  readonly currentKeyId: string | undefined;
  /** @throws PipelineError SECRET_KEYS_MISSING */
  seal(text: string, place: SecretPlace): string;
  /** @throws PipelineError SECRET_KEYS_MISSING, SECRET_UNREADABLE */
  open(sealed: string, place: SecretPlace): string;
  /** Begins to encrypt a file that opens under this name only; undefined where there is no key. */
  sealFile(name: string): SealedFile | undefined;
  /** Begins to decrypt a file; undefined where its key is not in the ring. The caller sets the tag. */
  openFile(name: string, keyId: string, nonce: Buffer): DecipherGCM | undefined;
}

/** A file on its way to be encrypted: AES-256-GCM under a nonce of its own, with the name as associated data. */
export interface SealedFile {
  readonly keyId: string;
  readonly nonce: Buffer;
  readonly cipher: CipherGCM;
}

/** Bytes of the tag that ends a sealed file, and of its nonce. */
export const sealedFileBytes = { tag: 16, nonce: 12 } as const;

/** Id of the key that a ciphertext was made with. */
export function keyIdOf(sealed: string): string {
  return sealed.split(':')[1] ?? '';
}

const algorithm = 'aes-256-gcm';
const keyBytes = 32;
const { nonce: nonceBytes, tag: tagBytes } = sealedFileBytes;
const version = 'v1';

/**
 * AES-256-GCM with a random nonce of 96 bits for each text, as NIST SP 800-38D §8.2.2 allows. A ciphertext is
 * `v1:<key id>:<nonce>:<ciphertext and tag>`, base64url; key id, connection and option path are its associated data.
 *
 * @param entries `id:key` with 32 bytes as base64; the first one encrypts, every one decrypts.
 * @throws PipelineError CONFIG_INVALID naming every problem, never a key
 */
export function createKeyring(entries: readonly string[]): Keyring {
  const keys = readKeys(entries);
  const [currentKeyId] = keys.keys();
  return {
    currentKeyId,
    seal(text, place) {
      const key = currentKeyId === undefined ? undefined : keys.get(currentKeyId);
      if (currentKeyId === undefined || key === undefined) throw keysMissing(place);
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(associatedData(currentKeyId, place));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return [version, currentKeyId, nonce.toString('base64url'), body.toString('base64url')].join(':');
    },
    open(sealed, place) {
      const [form, keyId = '', nonce = '', body = ''] = sealed.split(':');
      if (currentKeyId === undefined) throw keysMissing(place);
      const key = keys.get(keyId);
      if (form !== version || key === undefined) {
        throw unreadable(place, `it needs key "${keyId}", which is not among security.keys`);
      }
      try {
        const bytes = Buffer.from(body, 'base64url');
        const decipher = createDecipheriv(algorithm, key, Buffer.from(nonce, 'base64url'), {
          authTagLength: tagBytes,
        });
        decipher.setAAD(associatedData(keyId, place));
        decipher.setAuthTag(bytes.subarray(-tagBytes));
        return Buffer.concat([decipher.update(bytes.subarray(0, -tagBytes)), decipher.final()]).toString();
      } catch {
        throw unreadable(
          place,
          `key "${keyId}" does not open it: the key has another value than then, or the text was moved or damaged`,
        );
      }
    },
    sealFile(name) {
      const key = currentKeyId === undefined ? undefined : keys.get(currentKeyId);
      if (currentKeyId === undefined || key === undefined) return undefined;
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(fileData(currentKeyId, name));
      return { keyId: currentKeyId, nonce, cipher };
    },
    openFile(name, keyId, nonce) {
      const key = keys.get(keyId);
      if (key === undefined) return undefined;
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
      decipher.setAAD(fileData(keyId, name));
      return decipher;
    },
  };
}

function readKeys(entries: readonly string[]): Map<string, Buffer> {
  const keys = new Map<string, Buffer>();
  const problems: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const [, id = '', text = ''] = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=)$/.exec(entry) ?? [];
    const key = Buffer.from(text, 'base64');
    if (key.byteLength !== keyBytes) {
      problems.push(`security.keys.${String(index)} is not "id:key" with a key of 32 bytes in base64`);
    } else if (keys.has(id)) problems.push(`security.keys has the id "${id}" twice`);
    keys.set(id, key);
  }
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
  return keys;
}

function associatedData(keyId: string, { connection, path }: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify([version, keyId, connection, path]));
}

/** Of another form than that of secrets, so that neither opens as the other. */
function fileData(keyId: string, name: string): Buffer {
  return Buffer.from(JSON.stringify([version, 'file', keyId, name]));
}

function keysMissing({ connection }: SecretPlace): PipelineError {
  return new PipelineError('SECRET_KEYS_MISSING', { connection });
}

function unreadable({ connection, path }: SecretPlace, reason: string): PipelineError {
  return new PipelineError('SECRET_UNREADABLE', { connection, path, reason });
}
