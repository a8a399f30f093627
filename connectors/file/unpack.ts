import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { PipelineError } from '../../core/errors/index.js';
import { systemErrorCode } from '../system-error.js';
import { unzstd } from './zstd.js';
import { isSkippable, zstdMagic } from './zstd-header.js';

/** How the bytes of a file are packed. */
export type FileCompression = 'none' | 'gzip' | 'zstd';

const endings: Readonly<Record<string, FileCompression>> = { gz: 'gzip', zst: 'zstd' };

/** What the ending of a name says about it; `none` where that says nothing. */
export function compressionOfName(name: string): FileCompression {
  return endings[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? 'none';
}

/**
 * The bytes of a file as they were before it was packed.
 *
 * @param declared what it has to be; where nothing is declared the first bytes of the content tell
 * @throws PipelineError SOURCE_FILE, LIMIT_EXCEEDED
 */
export async function* unpack(
  stored: AsyncGenerator<Uint8Array>,
  name: string,
  declared: FileCompression | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    const { head, whole } = await beginning(stored);
    const found = declared === 'none' ? declared : compressionOf(head);
    // Nothing is what is left of a packed file that was cut at its first byte: even packed emptiness has a header.
    const expected = declared ?? (head.length === 0 ? compressionOfName(name) : found);
    if (expected !== found)
      throw new PipelineError('SOURCE_FILE', {
        file: name,
        reason: `${head.length === 0 ? 'it is empty, and so' : 'its content is'} no ${expected}`,
      });
    if (found === 'gzip') yield* gunzip(whole, name);
    else if (found === 'zstd') yield* unzstd(whole, name);
    else yield* whole;
  } finally {
    await stored.return(undefined);
  }
}

/** The first bytes of a stream, and all of it. */
async function beginning(
  stored: AsyncGenerator<Uint8Array>,
): Promise<{ readonly head: Buffer; readonly whole: AsyncGenerator<Uint8Array> }> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 4) {
    const next = await stored.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    if (head.length > 0) yield head;
    yield* stored;
  };
  return { head, whole: whole() };
}

/** Gzip is known by its first two bytes (RFC 1952, section 2.3.1), Zstandard by its first four (RFC 8878, section 3.1). */
function compressionOf(head: Buffer): FileCompression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const magic = head.length < 4 ? undefined : head.readUInt32LE();
  return magic !== undefined && (magic === zstdMagic || isSkippable(magic)) ? 'zstd' : 'none';
}

async function* gunzip(packed: AsyncGenerator<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const unpacked = pipeline(Readable.from(packed, { objectMode: false }), createGunzip(), () => undefined);
  try {
    for await (const chunk of unpacked) yield chunk as Uint8Array;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code?.startsWith('Z_') !== true) throw error;
    const reason = code === 'Z_BUF_ERROR' ? 'its gzip ends before its end' : `its gzip is damaged (${code})`;
    throw new PipelineError('SOURCE_FILE', { file: name, reason }, { cause: error });
  }
}
