import { createReadStream } from 'node:fs';

/** One line of staged NDJSON with its place in the batch. */
export interface StagedLine {
  /** Zero-based over all files, in order; blank lines do not count. */
  readonly position: number;
  readonly bytes: Uint8Array;
}

const lineFeed = 0x0a;

/** Reads lines of several files as one sequence, as bytes, with flat memory. */
export async function* readStagedLines(paths: readonly string[]): AsyncGenerator<StagedLine> {
  let position = 0;
  for (const path of paths) {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of createReadStream(path, {
      highWaterMark: 256 * 1024,
    }) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let feed = bytes.indexOf(lineFeed); feed >= 0; feed = bytes.indexOf(lineFeed, start)) {
        if (!isBlank(bytes, start, feed)) yield { position: position++, bytes: bytes.subarray(start, feed) };
        start = feed + 1;
      }
      rest = bytes.subarray(start);
    }
    if (!isBlank(rest, 0, rest.length)) yield { position: position++, bytes: rest };
  }
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index];
    if (byte !== 0x20 && byte !== 0x0d && byte !== 0x09) return false;
  }
  return true;
}
