import type { Readable } from 'node:stream';
import { limits } from '../../core/limits.js';

const lineFeed = 0x0a;
/**
 * Of a longer row no more is kept, so that memory stays bounded. As JSON a row has at least half as many bytes (only
 * escapes within documents shrink), so what is left is still too long for the next stage to take it for whole.
 */
const rowMaxBytes = 2 * limits.recordMaxBytes + 2;

/** Gathers what a COPY delivers, or what was kept of one, into batches of whole rows. */
export async function* copyBatches(stream: Readable): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  /** Bytes of the row that is not whole yet, at the end of `pieces`. */
  let open = 0;
  const add = (piece: Uint8Array): void => {
    if (piece.length === 0) return;
    pieces.push(piece);
    size += piece.length;
  };
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const first = chunk.indexOf(lineFeed);
    const head = first < 0 ? chunk : chunk.subarray(0, first);
    const kept = head.subarray(0, Math.max(0, rowMaxBytes - open));
    add(kept);
    open += kept.length;
    if (first < 0) continue;
    const end = chunk.lastIndexOf(lineFeed) + 1;
    add(chunk.subarray(first, end));
    if (size >= limits.postgresBatchBytes) {
      yield Buffer.concat(pieces, size);
      [pieces, size] = [[], 0];
    }
    const rest = chunk.subarray(end);
    add(rest);
    open = rest.length;
  }
  if (size > 0) yield Buffer.concat(pieces, size);
}
