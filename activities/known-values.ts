import { quoteName, quoteText } from '../connectors/duckdb/sql-text.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import type { RowCheck } from './check-sql.js';
import type { ActivityDeps, StageIo } from './deps.js';

/**
 * For each `references` check, a relation of the batch's values that the warehouse has. Only the values of the batch are
 * asked for, some at a time.
 *
 * @throws PipelineError CHECK_INVALID, WAREHOUSE_*
 */
export async function knownValues(
  deps: Pick<ActivityDeps, 'warehouse' | 'staging' | 'stagedSql'>,
  checks: readonly RowCheck[],
  source: string,
  task: string,
  io: StageIo,
): Promise<ReadonlyMap<string, string>> {
  const known = new Map<string, string>();
  for (const check of checks) {
    if (check.kind !== 'references') continue;
    const { table, column } = check.to;
    const columns = await deps.warehouse.tableColumns(table);
    if (columns?.some(({ name }) => name === column) !== true)
      throw new PipelineError('CHECK_INVALID', {
        task,
        problems: [
          `check "${check.name}" refers to ${columns === undefined ? `table "${table}"` : `column "${column}" of table "${table}"`}, which the warehouse does not have`,
        ],
      });
    const name = quoteName(check.column);
    const rows = await deps.stagedSql.run(
      [
        `SELECT DISTINCT CAST(${name} AS VARCHAR) AS value FROM ${source} WHERE ${name} IS NOT NULL ORDER BY value LIMIT ${String(limits.checkMaxReferences + 1)}`,
      ],
      io.signal,
    );
    if (rows.length > limits.checkMaxReferences)
      throw new PipelineError('CHECK_INVALID', {
        task,
        problems: [
          `check "${check.name}" has over ${String(limits.checkMaxReferences)} different values in one batch; load smaller intervals`,
        ],
      });
    const values = [...rows.map((row) => String(row['value'])), ...correctedTo(check)];
    const lines: string[] = [];
    for (let start = 0; start < values.length; start += limits.checkReferencesPerQuery) {
      const part = values.slice(start, start + limits.checkReferencesPerQuery);
      for (const value of await deps.warehouse.existingValues(table, column, part))
        lines.push(`${JSON.stringify({ value })}\n`);
      io.signal.throwIfAborted();
      io.heartbeat(start);
    }
    const file = await deps.staging.write([Buffer.from(lines.join(''))], lines.length);
    const path = await deps.staging.localPath(file);
    known.set(
      check.name,
      `read_json(${quoteText(path)}, format = 'newline_delimited', columns = {value: 'VARCHAR'})`,
    );
  }
  return known;
}

/** A value that a correction brings in is judged too. */
function correctedTo({ correct }: RowCheck): string[] {
  return typeof correct === 'object' ? [String(correct.default)] : [];
}
