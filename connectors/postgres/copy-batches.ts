import type { Readable } from 'node:stream';
import { limits } from '../../core/limits.js';

/** Complete lines, a line feed at the end of each. */
export interface LineBatch {
  readonly bytes: Uint8Array;
  readonly rowCount: number;
}

const lineFeed = 0x0a;

/**
 * Gathers what a COPY delivers into batches of whole lines. Of a line over `limits.recordMaxBytes` a little more than
 * that is kept, so that memory stays bounded and the next stage still sees that it is too long.
 */
export async function* copyBatches(
  stream: Readable,
  batchBytes: number = limits.postgresBatchBytes,
): AsyncGenerator<LineBatch> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  /** Bytes of the line that is not whole yet, at the end of `pieces`. */
  let open = 0;
  const add = (piece: Uint8Array): void => {
    if (piece.length === 0) return;
    pieces.push(piece);
    size += piece.length;
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const first = chunk.indexOf(lineFeed);
    const head = first < 0 ? chunk : chunk.subarray(0, first);
    const kept = head.subarray(0, Math.max(0, limits.recordMaxBytes + 1 - open));
    add(kept);
    open += kept.length;
    if (first < 0) continue;
    const end = chunk.lastIndexOf(lineFeed) + 1;
    add(chunk.subarray(first, end));
    if (size >= batchBytes) {
      yield batchOf(pieces, size);
      [pieces, size] = [[], 0];
    }
    const rest = chunk.subarray(end);
    add(rest);
    open = rest.length;
  }
  if (size > 0) yield batchOf(pieces, size);
}

function batchOf(pieces: readonly Uint8Array[], size: number): LineBatch {
  const bytes = Buffer.concat(pieces, size);
  let rowCount = 0;
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) rowCount += 1;
  return { bytes, rowCount };
}
