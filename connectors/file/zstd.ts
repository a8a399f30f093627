import { Decompress } from 'fzstd';
import xxhash, { type XXHashAPI } from 'xxhash-wasm';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { createByteReader, type ByteReader } from './byte-reader.js';
import { frameHeader, isSkippable, zstdMagic, type FrameHeader } from './zstd-header.js';

/** Most that one block holds, packed or not (RFC 8878, section 3.1.1.2.4). */
const blockMaxBytes = 128 * 1024;
const blockTypes = { rle: 1, reserved: 3 };

/**
 * Unpacks Zstandard (RFC 8878), frame after frame and block after block: what is in memory is one block and the window that the
 * frame asks for. The checksum and the size of a frame are compared where it has them.
 *
 * @param name of the file, for messages
 * @throws PipelineError SOURCE_FILE with the byte at which the file is damaged or ends, LIMIT_EXCEEDED (`fileZstdWindowMaxBytes`)
 */
export async function* unzstd(
  packed: AsyncIterator<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = createByteReader(packed);
  const file: PackedFile = {
    reader,
    hash: await xxhash(),
    damaged: (reason) =>
      new PipelineError('SOURCE_FILE', {
        file: name,
        reason: `its zstd is damaged before byte ${String(reader.offset)} (${reason})`,
      }),
    async take(bytes) {
      const taken = await reader.take(bytes);
      if (taken === undefined)
        throw new PipelineError('SOURCE_FILE', {
          file: name,
          reason: `its zstd ends before its end, behind byte ${String(reader.offset)}`,
        });
      return taken;
    },
  };
  try {
    while (!(await reader.isAtEnd())) {
      const magic = numberOf(await file.take(4));
      if (isSkippable(magic)) {
        const bytes = numberOf(await file.take(4));
        if (!(await reader.skip(bytes))) await file.take(1);
      } else if (magic === zstdMagic) yield* frame(file, await headerOf(file, name));
      else throw file.damaged('no frame begins there');
    }
  } finally {
    await packed.return?.();
  }
}

interface PackedFile {
  readonly reader: ByteReader;
  readonly hash: XXHashAPI;
  damaged(reason: string): PipelineError;
  /** @throws PipelineError SOURCE_FILE where the file ends before */
  take(bytes: number): Promise<Uint8Array>;
}

async function headerOf(file: PackedFile, name: string): Promise<FrameHeader> {
  const header = await frameHeader((bytes) => file.take(bytes));
  if ('problem' in header) throw file.damaged(header.problem);
  const allowed = limits.fileZstdWindowMaxBytes;
  if (header.windowBytes > BigInt(allowed))
    throw new PipelineError('LIMIT_EXCEEDED', {
      what: `The window of the zstd file ${name}`,
      actual: `${String(header.windowBytes)} bytes`,
      limit: 'fileZstdWindowMaxBytes',
      allowed,
    });
  return header;
}

async function* frame(
  file: PackedFile,
  { bytes: header, contentBytes, hasChecksum }: FrameHeader,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = file.hash.create64();
  let size = 0;
  const unpacked: Uint8Array[] = [];
  const decoder = new Decompress((bytes) => unpacked.push(bytes));
  const decode = (bytes: Uint8Array, isLast: boolean): readonly Uint8Array[] => {
    try {
      decoder.push(bytes, isLast);
    } catch (error) {
      throw file.damaged(error instanceof Error ? error.message : 'a block cannot be read');
    }
    const found = unpacked.splice(0).filter(({ length }) => length > 0);
    for (const part of found) {
      hash.update(part);
      size += part.length;
    }
    return found;
  };
  decode(header, false);
  for (let isLast = false; !isLast;) {
    const blockHeader = await file.take(3);
    const word = numberOf(blockHeader);
    isLast = (word & 1) === 1;
    const type = (word >> 1) & 3;
    const stored = type === blockTypes.rle ? 1 : word >> 3;
    if (type === blockTypes.reserved || word >> 3 > blockMaxBytes)
      throw file.damaged('no block begins there');
    const block = [blockHeader, await file.take(stored)];
    if (isLast && hasChecksum) block.push(await file.take(4));
    yield* decode(Buffer.concat(block), isLast);
    if (!isLast) continue;
    const checksum = block.at(2);
    if (contentBytes !== undefined && BigInt(size) !== contentBytes)
      throw file.damaged('it has not the size that it says');
    if (checksum !== undefined && BigInt.asUintN(32, hash.digest()) !== BigInt(numberOf(checksum)))
      throw file.damaged('its checksum differs');
  }
}

/** Up to four bytes, the least significant first. */
function numberOf(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
