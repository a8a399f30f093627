import type { Encoding } from './type-forms.js';

/** Whole lines of JSON, a line feed at the end of each. */
export interface JsonLines {
  readonly bytes: Uint8Array;
  readonly rowCount: number;
}

const [tab, lineFeed, space, quote, plus, minus] = [0x09, 0x0a, 0x20, 0x22, 0x2b, 0x2d];
const [upperI, upperN, upperT, backslash, lowerT, lowerV] = [0x49, 0x4e, 0x54, 0x5c, 0x74, 0x76];
/** Upper case, as DuckDB writes it: a line is the same, whichever of the two wrote it. */
const hex = Buffer.from('0123456789ABCDEF');
const [nullWord, trueWord, falseWord] = ['null', 'true', 'false'].map((word) => Buffer.from(word)) as [
  Buffer,
  Buffer,
  Buffer,
];
const zone = Buffer.from('+00:00');
const endOfRow = Buffer.from('}\n');
const controlEscape = Buffer.from('\\u00');

/**
 * Rewrites rows of `COPY … TO STDOUT` in its text form as JSON objects, from bytes to bytes. The two are near relatives:
 * COPY parts values by tabs and rows by line feeds, and escapes backslash, line breaks and tabs as JSON does; quotes and
 * other control characters it leaves, and NULL is `\N`. Source: PostgreSQL documentation, "COPY", "Text Format".
 */
export function createJsonLines(
  columns: readonly { readonly name: string; readonly encoding: Encoding }[],
): (lines: Uint8Array) => JsonLines {
  const prefixes = columns.map(({ name }, index) =>
    Buffer.from(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:`),
  );
  const encodings = columns.map(({ encoding }) => encoding);
  return (lines) => {
    const writer = new RowWriter(lines);
    let column = 0;
    let rowCount = 0;
    while (writer.at < lines.length) {
      writer.put(prefixes[column]);
      writer.value(encodings[column]);
      const isLast = lines[writer.at] === lineFeed;
      writer.at += 1;
      column = isLast ? 0 : column + 1;
      if (!isLast) continue;
      writer.put(endOfRow);
      rowCount += 1;
    }
    return { bytes: writer.written(), rowCount };
  };
}

/** Reads values from one buffer, and writes them to another that grows as needed. */
class RowWriter {
  at = 0;
  readonly #from: Uint8Array;
  #out: Uint8Array;
  #size = 0;

  constructor(from: Uint8Array) {
    this.#from = from;
    this.#out = Buffer.allocUnsafeSlow(from.length * 2 + 1024);
  }

  written(): Uint8Array {
    return this.#out.subarray(0, this.#size);
  }

  put(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) return;
    this.#reserve(bytes.length);
    // Shorter than what a call of set would cost.
    for (let index = 0; index < bytes.length; index += 1)
      this.#out[this.#size + index] = bytes[index] as number;
    this.#size += bytes.length;
  }

  /** Rewrites the value that starts here, and stops at the tab or line feed after it. */
  value(encoding: Encoding | undefined): void {
    const [first, second] = [this.#from[this.at], this.#from[this.at + 1]];
    if (first === backslash && second === upperN) {
      this.at += 2;
      this.put(nullWord);
    } else if (encoding === 'boolean') {
      this.at += 1;
      this.put(first === lowerT ? trueWord : falseWord);
    } else if (encoding === 'json') this.#json();
    else if (encoding === 'instant') this.#instant();
    else if (
      encoding === 'number' &&
      first !== upperN &&
      first !== upperI &&
      !(first === minus && second === upperI)
    )
      this.#number();
    else this.#text();
  }

  #number(): void {
    const from = this.#from;
    let { at } = this;
    this.#reserve(64);
    for (let byte = from[at]; byte !== tab && byte !== lineFeed && at < from.length; byte = from[at]) {
      this.#out[this.#size++] = byte as number;
      at += 1;
    }
    this.at = at;
  }

  /** `2026-01-01 00:00:00.5+00` as `2026-01-01T00:00:00.5+00:00`; the session's zone is UTC. Infinities stay words. */
  #instant(): void {
    const from = this.#from;
    let isTimeNext = true;
    this.#reserve(2);
    this.#out[this.#size++] = quote;
    for (; this.at < from.length; this.at += 1) {
      const byte = from[this.at] as number;
      if (byte === tab || byte === lineFeed) break;
      this.#reserve(2);
      if (byte === plus) {
        this.put(zone);
        this.at += 2;
      } else if (byte === space && isTimeNext) {
        this.#out[this.#size++] = upperT;
        isTimeNext = false;
      } else this.#out[this.#size++] = byte;
    }
    this.#reserve(2);
    this.#out[this.#size++] = quote;
  }

  /** What is JSON already: COPY's escapes come off, and line breaks between its tokens become spaces. */
  #json(): void {
    const from = this.#from;
    for (; this.at < from.length; this.at += 1) {
      const byte = from[this.at] as number;
      if (byte === tab || byte === lineFeed) break;
      this.#reserve(1);
      if (byte === backslash) {
        this.at += 1;
        this.#out[this.#size++] = from[this.at] === backslash ? backslash : space;
      } else this.#out[this.#size++] = byte;
    }
  }

  #text(): void {
    const from = this.#from;
    let out = this.#out;
    let size = this.#size;
    let { at } = this;
    if (size + 8 > out.length) out = this.#grow(8);
    out[size++] = quote;
    for (; at < from.length; at += 1) {
      const byte = from[at] as number;
      if (size + 8 > out.length) {
        this.#size = size;
        out = this.#grow(8);
      }
      if (byte > quote && byte !== backslash) out[size++] = byte;
      else if (byte === tab || byte === lineFeed) break;
      else if (byte === backslash) {
        at += 1;
        const escaped = from[at] as number;
        if (escaped === lowerV) size = putControl(out, size, 0x0b);
        else {
          out[size++] = backslash;
          out[size++] = escaped;
        }
      } else if (byte === quote) {
        out[size++] = backslash;
        out[size++] = quote;
      } else if (byte < space) size = putControl(out, size, byte);
      else out[size++] = byte;
    }
    out[size++] = quote;
    this.#size = size;
    this.at = at;
  }

  #reserve(bytes: number): void {
    if (this.#size + bytes > this.#out.length) this.#grow(bytes);
  }

  #grow(bytes: number): Uint8Array {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#out.length * 2, this.#size + bytes));
    larger.set(this.#out.subarray(0, this.#size));
    this.#out = larger;
    return larger;
  }
}

/** `\u00XX` of a control character. */
function putControl(out: Uint8Array, size: number, byte: number): number {
  out.set(controlEscape, size);
  out[size + 4] = hex[byte >> 4] as number;
  out[size + 5] = hex[byte & 15] as number;
  return size + 6;
}
