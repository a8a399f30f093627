/** One line without its line break, and its number from 1. */
export interface Line {
  readonly bytes: Uint8Array;
  readonly number: number;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * The lines of each chunk. Parts bytes into lines at line feeds, a carriage return before one left out. Of a line longer than `maxBytes` one
 * byte more than that is kept, so that memory stays bounded and its reader still sees that it is too long.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<readonly Line[]> {
  let pieces: Uint8Array[] = [];
  let size = 0;
  let number = 0;
  const keep = (piece: Uint8Array): void => {
    const part = piece.subarray(0, Math.max(0, maxBytes + 1 - size));
    if (part.length > 0) pieces.push(part);
    size += part.length;
  };
  const take = (): Line => {
    number += 1;
    const [only] = pieces;
    const whole = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces, size);
    pieces = [];
    size = 0;
    return { bytes: whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole, number };
  };
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let feed = chunk.indexOf(lineFeed); feed >= 0; feed = chunk.indexOf(lineFeed, from)) {
      keep(chunk.subarray(from, feed));
      lines.push(take());
      from = feed + 1;
    }
    keep(chunk.subarray(from));
    yield lines;
  }
  if (size > 0) yield [take()];
}
