/** Takes bytes off a stream in pieces of a chosen size. */
export interface ByteReader {
  /** Bytes taken so far. */
  readonly offset: number;
  isAtEnd(): Promise<boolean>;
  /** Exactly as many bytes; `undefined` where the stream has fewer. */
  take(bytes: number): Promise<Uint8Array | undefined>;
  /** Leaves bytes out, without gathering them; false where the stream has fewer. */
  skip(bytes: number): Promise<boolean>;
}

/** Holds one chunk and what was asked for. */
export function createByteReader(chunks: AsyncIterator<Uint8Array>): ByteReader {
  let chunk: Uint8Array = new Uint8Array();
  let offset = 0;
  const fill = async (): Promise<boolean> => {
    while (chunk.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return false;
      chunk = next.value;
    }
    return true;
  };
  const cut = (bytes: number): Uint8Array => {
    const part = chunk.subarray(0, bytes);
    chunk = chunk.subarray(part.length);
    offset += part.length;
    return part;
  };
  return {
    get offset() {
      return offset;
    },
    isAtEnd: async () => !(await fill()),
    async take(bytes) {
      const parts: Uint8Array[] = [];
      for (let missing = bytes; missing > 0;) {
        if (!(await fill())) return undefined;
        const part = cut(missing);
        parts.push(part);
        missing -= part.length;
      }
      return parts.length === 1 ? parts[0] : Buffer.concat(parts, bytes);
    },
    async skip(bytes) {
      for (let missing = bytes; missing > 0;) {
        if (!(await fill())) return false;
        missing -= cut(missing).length;
      }
      return true;
    },
  };
}
