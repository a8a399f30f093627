import type { JsonValue } from '../core/json.js';
import type { SourceBatch } from './source.js';

/** A piece of NDJSON: whole lines, and the cursor after them where there is one. */
export function lineBatch(
  kind: SourceBatch['kind'],
  lines: readonly Uint8Array[],
  cursor: JsonValue | undefined,
): SourceBatch {
  return {
    kind,
    bytes: Buffer.concat(lines),
    rowCount: lines.length,
    ...(cursor !== undefined && { cursor }),
  };
}
