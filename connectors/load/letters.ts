import type { StagedSql } from '../duckdb/staged-sql.js';

/** Letters and, in the same order, what becomes of each. */
export interface LetterTable {
  readonly from: string;
  readonly to: string;
}

/** The letters that `lower` and `upper` change on the worker, one letter each, whatever the letters beside it. */
export interface LetterTables {
  readonly lower: LetterTable;
  readonly upper: LetterTable;
}

const none: LetterTable = { from: '', to: '' };
/** For asking whether steps can be done: the SQL is of no use. */
export const noLetters: LetterTables = { lower: none, upper: none };

/**
 * Asks the worker's engine for its letters: other engines have other versions of Unicode, or make two letters of one
 * (`İ`, `ß`), so that they are told letter by letter.
 */
export async function readLetters(stagedSql: StagedSql): Promise<LetterTables> {
  const read = async (change: 'lower' | 'upper'): Promise<LetterTable> => {
    const changed = `${change}(chr(n::INTEGER))`;
    const [row] = await stagedSql.run([
      `SELECT string_agg(chr(n::INTEGER), '' ORDER BY n) AS "from", string_agg(${changed}, '' ORDER BY n) AS "to"
       FROM range(1, 1114112) t(n) WHERE n NOT BETWEEN 55296 AND 57343 AND ${changed} <> chr(n::INTEGER)`,
    ]);
    return { from: String(row?.['from'] ?? ''), to: String(row?.['to'] ?? '') };
  };
  return { lower: await read('lower'), upper: await read('upper') };
}
