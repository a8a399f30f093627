import type { QueryRow } from '../warehouse.js';

/**
 * Paths below the stage of files that were last changed before a time, from the answer of `LIST`: `name` begins with the
 * name of the stage, `last_modified` is an HTTP date (Snowflake documentation, "LIST").
 */
export function staleStageFiles(rows: readonly QueryRow[], beforeMs: number): string[] {
  return rows.flatMap((row) => {
    const path = String(row['name']).split('/').slice(1).join('/');
    const changedAtMs = Date.parse(String(row['last_modified']));
    // Millrace's own files have no other letters; the path becomes part of a statement.
    return changedAtMs < beforeMs && /^[\w-][\w./-]*$/.test(path) ? [path] : [];
  });
}
