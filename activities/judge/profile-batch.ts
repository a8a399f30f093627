import { quoteName, quoteText } from '../../connectors/duckdb/sql-text.js';
import type { BatchProfile, ColumnProfile } from '../../core/quality/anomaly.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import { limits } from '../../core/limits.js';
import type { Manifest } from '../../core/loading/manifest.js';
import type { ActivityDeps, StageIo } from '../deps.js';

/**
 * The figures of a batch that the next ones are compared with. No value of a row is among them: texts are counted under a
 * hash, and only where few of them repeat; numbers under their sign and order of magnitude (classes that grow by √2).
 */
export async function profileBatch(
  { staging, stagedSql }: Pick<ActivityDeps, 'staging' | 'stagedSql'>,
  { files }: Manifest,
  columns: readonly ColumnSpec[],
  io: StageIo,
): Promise<BatchProfile> {
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  if (rows === 0)
    return { rows, columns: Object.fromEntries(columns.map(({ name }) => [name, { nulls: 0 }])) };
  const paths = await Promise.all(files.map((file) => staging.localPath(file)));
  const source = `read_parquet([${paths.map(quoteText).join(', ')}])`;
  const profiled: Record<string, ColumnProfile> = {};
  for (const column of columns) {
    const name = quoteName(column.name);
    const counted = isCounted(column) ? `count(DISTINCT ${name})::INTEGER` : '0';
    const [figures] = await stagedSql.run(
      [
        `SELECT count(*) FILTER (WHERE ${name} IS NULL)::INTEGER AS nulls, ${counted} AS kinds FROM ${source}`,
      ],
      io.signal,
    );
    const nulls = Number(figures?.['nulls'] ?? 0);
    const kinds = Number(figures?.['kinds'] ?? 0);
    const bin = binOf(column, { rows: rows - nulls, kinds });
    if (bin === undefined) {
      profiled[column.name] = { nulls };
      continue;
    }
    const bins = await stagedSql.run(
      [
        `SELECT ${bin} AS bin, count(*)::INTEGER AS n FROM ${source} WHERE ${name} IS NOT NULL GROUP BY bin ORDER BY bin LIMIT ${String(limits.profileMaxBins + 1)}`,
      ],
      io.signal,
    );
    profiled[column.name] =
      bins.length > limits.profileMaxBins
        ? { nulls }
        : {
            nulls,
            histogram: Object.fromEntries(bins.map((row) => [String(row['bin']), Number(row['n'])])),
          };
  }
  return { rows, columns: profiled };
}

function isCounted({ type }: ColumnSpec): boolean {
  return type === 'string' || type === 'int64';
}

/** The class of a value as SQL; undefined where a column has no distribution worth comparing: ids, times, free text. */
function binOf(
  { name: column, type }: ColumnSpec,
  { rows, kinds }: { readonly rows: number; readonly kinds: number },
): string | undefined {
  if (rows === 0) return undefined;
  const name = quoteName(column);
  switch (type) {
    case 'boolean':
      return `CAST(${name} AS VARCHAR)`;
    case 'string':
      return kinds > limits.profileMaxBins || kinds * 4 > rows ? undefined : `left(md5(${name}), 12)`;
    case 'int64':
      if (kinds === rows && rows > 1) return undefined;
      return magnitude(name);
    case 'decimal':
    case 'double':
      return magnitude(name);
    case 'timestamp':
    case 'date':
    case 'bytes':
    case 'json':
      return undefined;
  }
}

function magnitude(name: string): string {
  const value = `CAST(${name} AS DOUBLE)`;
  return `CASE WHEN ${value} = 0 THEN '0' WHEN isfinite(${value}) THEN CASE WHEN ${value} < 0 THEN '-' ELSE '+' END || CAST(CAST(floor(2 * log2(abs(${value}))) AS INTEGER) AS VARCHAR) ELSE 'other' END`;
}
