import { isUtf8 } from 'node:buffer';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';

/** What a request's JSON may be at the top. */
export type JsonBody = Readonly<Record<string, unknown>> | readonly unknown[];

/**
 * Parses a body to look into it; the bytes themselves are what is kept. Nesting is counted before the parser runs.
 *
 * @throws PipelineError GATEWAY_REQUEST_INVALID
 */
export function parseJsonBody(bytes: Buffer): JsonBody {
  if (!isUtf8(bytes)) throw invalid('the body is not UTF-8');
  if (isTooDeep(bytes)) throw invalid(`the JSON is nested deeper than ${String(limits.jsonMaxDepth)}`);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid('the body is not JSON');
  }
  if (typeof value !== 'object' || value === null)
    throw invalid('the body is neither a JSON object nor an array');
  return value as JsonBody;
}

/**
 * Proves that bytes are one JSON object or array that can be kept as it is.
 *
 * @throws PipelineError GATEWAY_REQUEST_INVALID
 */
export function assertJson(bytes: Buffer): void {
  parseJsonBody(bytes);
}

function isTooDeep(bytes: Buffer): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isInString) {
      if (byte === 0x5c) at += 1;
      else if (byte === 0x22) isInString = false;
    } else if (byte === 0x22) isInString = true;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > limits.jsonMaxDepth) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
  return false;
}

function invalid(reason: string): PipelineError {
  return new PipelineError('GATEWAY_REQUEST_INVALID', { reason });
}
