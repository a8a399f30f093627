import { isUtf8 } from 'node:buffer';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';

/** What a request's JSON may be at the top. */
export type JsonBody = Readonly<Record<string, unknown>> | readonly unknown[];

/** A body as JSON, and what its bytes tell of it. */
export interface ParsedBody {
  readonly value: JsonBody;
  /** Bytes of the largest value inside a member of the top, such as one event of a batch. */
  readonly largestInnerBytes: number;
}

/**
 * Parses a body to look into it; the bytes themselves are what is kept. Nesting is counted before the parser runs.
 *
 * @throws PipelineError GATEWAY_REQUEST_INVALID
 */
export function parseJsonBody(bytes: Buffer, what = 'the body'): ParsedBody {
  if (!isUtf8(bytes)) throw invalid(`${what} is not UTF-8`);
  const largestInnerBytes = measure(bytes);
  if (largestInnerBytes === undefined)
    throw invalid(`the JSON is nested deeper than ${String(limits.jsonMaxDepth)}`);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid(`${what} is not JSON`);
  }
  if (typeof value !== 'object' || value === null)
    throw invalid(`${what} is neither a JSON object nor an array`);
  return { value: value as JsonBody, largestInnerBytes };
}

const innerDepth = 3;

/** Size of the largest object or array at the third level; `undefined` for JSON that is too deep. */
function measure(bytes: Buffer): number | undefined {
  let depth = 0;
  let innerStart = 0;
  let largest = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === 0x22) at = endOfString(bytes, at);
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth === innerDepth) innerStart = at;
      else if (depth > limits.jsonMaxDepth) return undefined;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (depth === innerDepth) largest = Math.max(largest, at + 1 - innerStart);
      depth -= 1;
    }
  }
  return largest;
}

/** The closing quote of a text: the next one with an even number of backslashes before it. */
function endOfString(bytes: Buffer, open: number): number {
  for (let close = bytes.indexOf(0x22, open + 1); close >= 0; close = bytes.indexOf(0x22, close + 1)) {
    let backslashes = 0;
    while (bytes[close - 1 - backslashes] === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return close;
  }
  return bytes.length;
}

function invalid(reason: string): PipelineError {
  return new PipelineError('GATEWAY_REQUEST_INVALID', { reason });
}
