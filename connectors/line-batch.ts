import type { JsonValue } from '../core/json.js';
import type { SourceBatch } from './source.js';

/** A piece of NDJSON: whole lines, the cursor after them where there is one, and where a cut read goes on behind them. */
export function lineBatch(
  kind: SourceBatch['kind'],
  lines: readonly Uint8Array[],
  cursor: JsonValue | undefined,
  resume?: JsonValue,
): SourceBatch {
  return {
    kind,
    bytes: Buffer.concat(lines),
    rowCount: lines.length,
    ...(cursor !== undefined && { cursor }),
    ...(resume !== undefined && { resume }),
  };
}
