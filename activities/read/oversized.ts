import { limits } from '../../core/limits.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';

/** Complete lines parted by `limits.recordMaxBytes`. */
export interface PartedLines {
  /** The lines within the limit, in order. */
  readonly lines: Uint8Array;
  readonly rows: number;
  /** The beginning of each line over the limit. */
  readonly oversized: readonly string[];
}

const lineFeed = 0x0a;

/** Counts lines and takes out those that are too long. Without one, the bytes pass through uncopied. */
export function partLines(bytes: Uint8Array, maxBytes: number = limits.recordMaxBytes): PartedLines {
  const kept: Uint8Array[] = [];
  const oversized: string[] = [];
  let rows = 0;
  let keptFrom = 0;
  let at = 0;
  while (at < bytes.length) {
    const feed = bytes.indexOf(lineFeed, at);
    const end = feed < 0 ? bytes.length : feed;
    if (end - at > maxBytes) {
      oversized.push(headOf(bytes.subarray(at, end)));
      kept.push(bytes.subarray(keptFrom, at));
      keptFrom = Math.min(end + 1, bytes.length);
    } else rows += 1;
    at = end + 1;
  }
  if (oversized.length === 0) return { lines: bytes, rows, oversized };
  kept.push(bytes.subarray(keptFrom));
  return { lines: Buffer.concat(kept), rows, oversized };
}

/** The rejects line of an oversized record. */
export function oversizedReject(head: string): Omit<QuarantineRow, 'position'> {
  return {
    code: 'RECORD_TOO_LARGE',
    pointer: '',
    message: `The record is longer than ${limits.recordMaxBytes} bytes; its first ${limits.oversizedKeptBytes} bytes are kept.`,
    raw: head,
  };
}

function headOf(line: Uint8Array): string {
  return new TextDecoder().decode(line.subarray(0, limits.oversizedKeptBytes));
}
