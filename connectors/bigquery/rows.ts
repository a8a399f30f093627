import type { QueryRow } from '../warehouse.js';
import type { JobResult } from './job-result.js';

/**
 * Values of a row in JSON-safe form, as every warehouse gives them: whole numbers and decimals as text, doubles as numbers,
 * instants as `YYYY-MM-DD HH:MM:SS` with as many digits of the second as there are.
 */
export function rowsOf({ fields, rows }: JobResult): QueryRow[] {
  return rows.map((row) =>
    Object.fromEntries(fields.map(({ name, type }, index) => [name, valueOf(row[index] ?? null, type)])),
  );
}

function valueOf(value: string | null, type: string): QueryRow[string] {
  if (value === null) return null;
  switch (type) {
    case 'BOOL':
    case 'BOOLEAN':
      return value === 'true';
    case 'FLOAT64':
    case 'FLOAT':
      return Number(value);
    case 'TIMESTAMP':
      return instantOf(value);
    case 'DATETIME':
      return value.replace('T', ' ');
    case 'BYTES':
      return Buffer.from(value, 'base64').toString('hex').toUpperCase();
    default:
      return typeof value === 'object' ? JSON.stringify(value) : value;
  }
}

/** Microseconds since 1970, or ISO text, as the request asked for. */
function instantOf(value: string): string {
  if (!/^-?\d+$/.test(value)) return trimmed(value.replace('T', ' ').replace(/(Z|\+00:00| UTC)$/, ''));
  const micros = BigInt(value);
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = (micros - fraction) / 1_000_000n;
  const text = new Date(Number(seconds) * 1_000).toISOString().slice(0, 19).replace('T', ' ');
  return trimmed(`${text}.${String(fraction).padStart(6, '0')}`);
}

function trimmed(text: string): string {
  return text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}
