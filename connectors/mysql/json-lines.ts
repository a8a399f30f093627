import type { ByteRow } from './row-reader.js';
import type { Encoding } from './type-forms.js';

/** How one column is written. */
export interface LineColumn {
  readonly name: string;
  readonly encoding: Encoding;
}

/** Writes rows, values as the server writes them in UTF-8, as JSON objects, a line feed at the end of each. */
export function createJsonLines(columns: readonly LineColumn[]): (row: ByteRow) => string {
  const prefixes = columns.map(({ name }, index) => `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  const writers = columns.map(({ encoding }) => writerOf(encoding));
  return (row) => {
    let line = '';
    for (const [index, write] of writers.entries()) {
      const value = row[index];
      line += prefixes[index] ?? '';
      line += value === null || value === undefined ? 'null' : write(value);
    }
    return `${line}}\n`;
  };
}

function writerOf(encoding: Encoding): (value: Buffer) => string {
  switch (encoding) {
    case 'number':
      return (value) => value.toString('latin1');
    case 'instant':
      return (value) => `"${instantText(value.toString('latin1'))}"`;
    case 'date':
      return (value) => `"${value.toString('latin1')}"`;
    case 'base64':
      return (value) => `"${value.toString('base64')}"`;
    case 'json':
      // Line breaks stand between its tokens only.
      return (value) => value.toString('utf8').replaceAll(/[\r\n]/g, ' ');
    case 'text':
      return (value) => JSON.stringify(value.toString('utf8'));
  }
}

/** `2026-01-01 00:00:00.5` as `2026-01-01T00:00:00.5+00:00`; the session's zone is UTC. */
export function instantText(text: string): string {
  return `${text.slice(0, 10)}T${text.slice(11)}+00:00`;
}
