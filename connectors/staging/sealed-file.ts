import { Readable, Transform } from 'node:stream';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import { sealedFileBytes, type Keyring, type SealedFile } from '../../security/keyring.js';

/**
 * A staged file encrypted for a store elsewhere:
 *
 *     millrace-staged-1 <key id> <nonce, base64url>\n   <ciphertext>   <tag, 16 bytes>
 *
 * The name of the file is part of what the tag protects, so that one does not pass for another.
 */
const mark = 'millrace-staged-1';
const headMaxBytes = 128;

/** The bytes are not those of a staged file that was encrypted under this name and key. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';

  constructor(
    reason: string,
    /** True where all that came was read, so that it may have come in part. */
    readonly isAtEnd: boolean,
  ) {
    super(reason);
  }
}

/** The encrypted bytes of a file, and how many they are. */
export function sealed(
  file: SealedFile,
  plain: Readable,
  plainBytes: number,
): { body: Readable; bytes: number } {
  const head = Buffer.from(`${mark} ${file.keyId} ${file.nonce.toString('base64url')}\n`);
  async function* chunks(): AsyncGenerator<Buffer> {
    yield head;
    for await (const chunk of plain as AsyncIterable<Buffer>) yield file.cipher.update(chunk);
    yield Buffer.concat([file.cipher.final(), file.cipher.getAuthTag()]);
  }
  return {
    body: Readable.from(chunks(), { objectMode: false }),
    bytes: head.length + plainBytes + sealedFileBytes.tag,
  };
}

/**
 * Decrypts a file. What comes out is not proven before the end, so it belongs into a temporary file until then. The
 * stream fails with UnsealError for a damaged file, and with PipelineError STAGING_KEY_MISSING.
 */
export function unsealing(keyring: Keyring, name: string, uri: string): Transform {
  let rest = Buffer.alloc(0);
  let decipher: ReturnType<Keyring['openFile']>;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        rest = Buffer.concat([rest, chunk]);
        if (decipher === undefined) {
          const end = rest.indexOf('\n');
          if (end < 0 && rest.length < headMaxBytes) {
            done();
            return;
          }
          decipher = openHead(keyring, name, uri, rest.subarray(0, Math.max(end, 0)).toString('latin1'));
          rest = rest.subarray(end + 1);
        }
        const plainBytes = rest.length - sealedFileBytes.tag;
        if (plainBytes > 0) {
          this.push(decipher.update(rest.subarray(0, plainBytes)));
          rest = rest.subarray(plainBytes);
        }
        done();
      } catch (error) {
        done(asUnsealError(error, false));
      }
    },
    flush(done) {
      try {
        if (decipher === undefined || rest.length !== sealedFileBytes.tag)
          throw new Error('it ends too early');
        decipher.setAuthTag(rest);
        this.push(decipher.final());
        done();
      } catch (error) {
        done(asUnsealError(error, true));
      }
    },
  });
}

function asUnsealError(error: unknown, isAtEnd: boolean): Error {
  if (isPipelineError(error)) return error;
  return new UnsealError(error instanceof Error ? error.message : String(error), isAtEnd);
}

function openHead(keyring: Keyring, name: string, uri: string, head: string) {
  const [word, keyId = '', nonce = ''] = head.split(' ');
  const bytes = Buffer.from(nonce, 'base64url');
  if (word !== mark || bytes.length !== sealedFileBytes.nonce)
    throw new Error('it has no head of a staged file');
  const decipher = keyring.openFile(name, keyId, bytes);
  if (decipher === undefined) throw new PipelineError('STAGING_KEY_MISSING', { uri, keyId });
  return decipher;
}
