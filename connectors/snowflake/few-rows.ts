import { parse } from 'csv-parse/sync';
import { readFile, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { limits } from '../../core/limits.js';
import type { StagedRows } from '../load/stage-batch.js';

/**
 * Rows of a staged file as texts; `undefined` where they are too many, or too large once unpacked, to travel as binds of a
 * statement, or have bytes among them.
 */
export async function fewRows({ columns, path, rows }: StagedRows): Promise<(string | null)[][] | undefined> {
  if (rows * columns.length > limits.warehouseBindMaxValues) return undefined;
  if (columns.some(({ type }) => type === 'bytes')) return undefined;
  if ((await stat(path)).size > limits.warehouseBindMaxBytes) return undefined;
  const text = unpacked(await readFile(path));
  return text === undefined
    ? undefined
    : parse(text, { cast: (value, { quoting }) => (value === '' && !quoting ? null : value) });
}

function unpacked(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: limits.warehouseBindMaxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}
