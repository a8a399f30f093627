import { rm } from 'node:fs/promises';
import { quoteText } from '../../connectors/duckdb/sql-text.js';
import {
  copyAsLines,
  typedFileColumn,
  type TypedFileColumn,
} from '../../connectors/duckdb/typed-text-sql.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import type { ActivityDeps } from '../deps.js';

type Deps = Pick<ActivityDeps, 'staging' | 'stagedSql'>;

/** What an extract task staged, as NDJSON files in its order. */
export interface RawLines {
  readonly paths: readonly string[];
  /** Removes the files that were made for it. */
  remove(): Promise<void>;
}

/** Files of typed rows become the lines that their source would have sent; others are lines already. */
export async function rawLines(
  deps: Deps,
  files: readonly StagedFile[],
  signal: AbortSignal,
): Promise<RawLines> {
  const made: string[] = [];
  const remove = async (): Promise<void> => {
    for (const path of made) await rm(path, { force: true });
  };
  try {
    const paths: string[] = [];
    for (const file of files) {
      const path = await deps.staging.localPath(file);
      if (file.format === 'ndjson') {
        paths.push(path);
        continue;
      }
      const target = deps.staging.temporaryPath('ndjson');
      made.push(target);
      const columns = await typedFileColumns(deps, path, signal);
      await deps.stagedSql.run([copyAsLines(columns, { paths: [path], target })], signal);
      paths.push(target);
    }
    return { paths, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The columns of a typed file, which says them itself; without the place of each row. */
export async function typedFileColumns(
  { stagedSql }: Pick<Deps, 'stagedSql'>,
  path: string,
  signal: AbortSignal,
): Promise<TypedFileColumn[]> {
  const found = await stagedSql.run(
    [
      `SELECT column_name AS name, column_type AS type FROM (DESCRIBE SELECT * FROM read_parquet(${quoteText(path)}))`,
    ],
    signal,
  );
  return found
    .map((row) => typedFileColumn(String(row['name']), String(row['type'])))
    .filter(({ name }) => name !== '_millrace_position');
}
