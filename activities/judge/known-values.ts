import { createHash } from 'node:crypto';
import { quoteName, quoteText } from '../../connectors/duckdb/sql-text.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { KnownValues, RowCheck } from './check-sql.js';
import type { ActivityDeps, StageIo } from '../deps.js';

type Deps = Pick<ActivityDeps, 'warehouse' | 'staging' | 'stagedSql'>;

/** What was asked for, and a hash of the last known values, since rows become another content by them. */
export interface AskedValues extends KnownValues {
  readonly storedHash: string | undefined;
}

/**
 * What the warehouse knows of a batch: the values that `references` checks look for, and the last known values by key that
 * corrections take. Only the values of the batch are asked for, some at a time.
 *
 * @throws PipelineError CHECK_INVALID, WAREHOUSE_*
 */
export async function knownValues(
  deps: Deps,
  checks: readonly RowCheck[],
  source: string,
  task: string,
  io: StageIo,
): Promise<AskedValues> {
  const references = new Map<string, string>();
  const stored = new Map<string, string>();
  const hash = createHash('sha256');
  for (const check of checks) {
    const asked = { deps, check, source, task, io };
    const { correct } = check;
    if (check.kind === 'references') {
      const { table, column } = check.to;
      await refuseUnknown(asked, 'refers to', table, [column]);
      const values = [...(await valuesOf(asked, check.column)), ...correctedTo(check)];
      const lines = await inParts(asked, values, async (part) =>
        (await deps.warehouse.existingValues(table, column, part)).map((value) => ({ value })),
      );
      references.set(check.name, (await relationOf(deps, lines, "value: 'VARCHAR'")).sql);
    }
    if (typeof correct === 'object' && 'lastKnown' in correct && check.kind !== 'unique') {
      const { table, key } = correct.lastKnown;
      const { column } = check;
      // Before the first load of the table nothing is known.
      const isThere = (await deps.warehouse.tableColumns(table)) !== undefined;
      if (isThere) await refuseUnknown(asked, 'takes last known values of', table, [key, column]);
      const keys = isThere ? await valuesOf(asked, key) : [];
      const lines = await inParts(asked, keys, async (part) =>
        (await deps.warehouse.storedValues({ table, key, column, keys: part })).map(([name, value]) => ({
          key: name,
          value,
        })),
      );
      const { sql, sha256 } = await relationOf(deps, lines.sort(), "key: 'VARCHAR', value: 'VARCHAR'");
      stored.set(check.name, sql);
      hash.update(`${check.name} ${sha256}\n`);
    }
  }
  return { references, stored, storedHash: stored.size === 0 ? undefined : hash.digest('hex') };
}

interface Asked {
  readonly deps: Deps;
  readonly check: RowCheck;
  readonly source: string;
  readonly task: string;
  readonly io: StageIo;
}

async function refuseUnknown(
  { deps, check, task }: Asked,
  how: string,
  table: string,
  names: readonly string[],
): Promise<void> {
  const columns = await deps.warehouse.tableColumns(table);
  const missing = names.filter((name) => columns?.some((column) => column.name === name) !== true);
  if (missing.length > 0)
    throw new PipelineError('CHECK_INVALID', {
      task,
      problems: [
        `check "${check.name}" ${how} ${columns === undefined ? `table "${table}"` : `column "${missing.join('", "')}" of table "${table}"`}, which the warehouse does not have`,
      ],
    });
}

/** The different values of a column of the batch, as text. @throws PipelineError CHECK_INVALID */
async function valuesOf({ deps, check, source, task, io }: Asked, column: string): Promise<string[]> {
  const name = quoteName(column);
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
  return rows.map((row) => String(row['value']));
}

async function inParts(
  { io }: Asked,
  values: readonly string[],
  ask: (part: readonly string[]) => Promise<readonly Readonly<Record<string, string>>[]>,
): Promise<string[]> {
  const lines: string[] = [];
  for (let start = 0; start < values.length; start += limits.checkReferencesPerQuery) {
    const part = values.slice(start, start + limits.checkReferencesPerQuery);
    for (const row of await ask(part)) lines.push(`${JSON.stringify(row)}\n`);
    io.signal.throwIfAborted();
    io.heartbeat(start);
  }
  return lines;
}

async function relationOf(
  deps: Deps,
  lines: readonly string[],
  columns: string,
): Promise<{ readonly sql: string; readonly sha256: string }> {
  const text = lines.join('');
  const file = await deps.staging.write([Buffer.from(text)], lines.length);
  const path = await deps.staging.localPath(file);
  return {
    sql: `read_json(${quoteText(path)}, format = 'newline_delimited', columns = {${columns}})`,
    sha256: createHash('sha256').update(text).digest('hex'),
  };
}

/** A value that a correction brings in is judged too. */
function correctedTo({ correct }: RowCheck): string[] {
  return typeof correct === 'object' && 'default' in correct ? [String(correct.default)] : [];
}
