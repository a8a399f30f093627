import type { QueryRow } from '../warehouse.js';
import { logicalName } from './dialect.js';
import type { SessionResult } from './session.js';

/**
 * Values of a row in JSON-safe form, as every warehouse gives them: whole numbers and decimals as text, doubles as numbers,
 * instants as `YYYY-MM-DD HH:MM:SS` with as many digits of the second as there are.
 */
export function rowsOf(result: SessionResult): QueryRow[] {
  return result.rows.map((row) =>
    Object.fromEntries(
      result.columns.map(({ name, type }, index) => [logicalName(name), valueOf(row[index], type)]),
    ),
  );
}

/** Names of the columns, lower case where they are plain. */
export function columnNames(result: SessionResult): string[] {
  return result.columns.map(({ name }) => logicalName(name));
}

function valueOf(value: unknown, type: string): QueryRow[string] {
  // The driver writes NULL as text where it is asked for text.
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value;
  const text = String(value);
  if (type === 'real') return Number(text);
  if (type.startsWith('timestamp')) return text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
  return text;
}
