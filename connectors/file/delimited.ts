import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { FileRecord } from './file-record.js';
import type { FileSettings } from './settings.js';

/**
 * The messages of a file in which each stands after its length, a varint (protobuf.dev/programming-guides/techniques, "Streaming
 * Multiple Messages"), as records with the number of the message, from 1, and its bytes as base64.
 *
 * @throws PipelineError SOURCE_FILE for a length that is none, or a message that is cut off or too long
 */
export async function* readDelimited(
  bytes: AsyncIterable<Uint8Array>,
  { path, fileColumn }: Pick<FileSettings, 'path' | 'fileColumn'>,
): AsyncGenerator<readonly FileRecord[]> {
  let rest: Buffer = Buffer.alloc(0);
  let line = 0;
  // Base64 makes four bytes of three.
  const maxBytes = Math.floor((limits.recordMaxBytes - 1_024) / 4) * 3;
  for await (const chunk of bytes) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const records: FileRecord[] = [];
    let start = 0;
    for (;;) {
      const head = readLength(rest, start);
      if (head === 'broken' || (head !== undefined && head.length > maxBytes))
        throw new PipelineError('SOURCE_FILE', {
          file: path,
          reason: `message ${String(line + 1)} has ${head === 'broken' ? 'no length' : `${String(head.length)} bytes, over ${String(maxBytes)}`}`,
        });
      if (head === undefined || head.end + head.length > rest.length) break;
      line += 1;
      records.push(recordOf(rest.subarray(head.end, head.end + head.length), line, fileColumn));
      start = head.end + head.length;
    }
    rest = rest.subarray(start);
    if (records.length > 0) yield records;
  }
  if (rest.length > 0)
    throw new PipelineError('SOURCE_FILE', {
      file: path,
      reason: `message ${String(line + 1)} is cut off at the end of the file`,
    });
}

/** A varint of at most five bytes, and where it ends; undefined where the bytes so far do not hold all of it. */
function readLength(
  bytes: Uint8Array,
  start: number,
): { readonly length: number; readonly end: number } | 'broken' | undefined {
  let length = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { length, end: start + index + 1 };
  }
  return 'broken';
}

function recordOf(message: Uint8Array, line: number, file: string | undefined): FileRecord {
  const text = Buffer.from(message).toString('base64');
  const record = { ...(file === undefined ? {} : { file }), line, message: text };
  return { json: () => Buffer.from(JSON.stringify(record)), intervalText: undefined };
}
