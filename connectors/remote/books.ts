import { PipelineError } from '../../core/errors/index.js';
import { intervalKey } from '../../core/interval.js';
import type { JsonValue } from '../../core/json.js';
import { committedCursor } from '../cursor.js';
import { assertIdentifier } from '../load/identifiers.js';
import { markerOf, systemTableDdl } from '../load/statements.js';
import {
  fenceTable,
  loadsTable,
  quarantineTable,
  reconcilesTable,
  type ReconcileRow,
  type SystemTable,
} from '../load/system-tables.js';
import type { LoadMarker, LoadRequest, QueryRow } from '../warehouse.js';
import type { RemoteDialect, RemoteEngine, Statement } from './engine.js';

/** Name of the row of a fence table on which transactions of its table wait for one another. */
export const lockKey = '#lock';

/**
 * The fences of one table: a row for each claim of an interval, and the lock row, whose `fence` counts changes of the
 * table's columns (odd while one is under way).
 */
function fenceTableOf(table: string): SystemTable {
  return {
    name: fenceTable(table),
    columns: [
      { name: 'interval_key', type: 'string', nullable: false },
      { name: 'fence', type: 'int64', nullable: false },
      { name: 'held_by', type: 'string', nullable: true },
      { name: 'changed_at', type: 'timestamp', nullable: true },
    ],
  };
}

/** Markers, fences and quarantine of a warehouse on the network. */
export class RemoteBooks {
  readonly #engine: RemoteEngine;
  /** Tables whose fence table this process has seen. */
  readonly #fenced = new Set<string>();

  constructor(engine: RemoteEngine) {
    this.#engine = engine;
  }

  async open(): Promise<void> {
    for (const table of [loadsTable, quarantineTable, reconcilesTable]) await this.#make(table);
  }

  async recordReconcile(row: ReconcileRow): Promise<void> {
    const { name, columns } = reconcilesTable;
    const [known] = await this.#run(`SELECT count(*) AS n FROM ${this.#table(name)} WHERE reconcile_id = ?`, [
      row[0] ?? '',
    ]);
    if (Number(known?.['n'] ?? 0) > 0) return;
    const { instant } = this.#engine.dialect;
    await this.#run(
      `INSERT INTO ${this.#table(name)} (${columns.map((column) => column.name).join(', ')}) SELECT ${columns.map(({ type }) => (type === 'timestamp' ? instant : `CAST(? AS ${this.#engine.dialect.typeOf({ type })})`)).join(', ')}`,
      [...row],
    );
  }

  async findLoad(loadId: string): Promise<LoadMarker | undefined> {
    const [row] = await this.#run(
      `SELECT load_id, table_name, fence, extracted, loaded, unchanged, superseded, quarantined, withheld, cursor, committed_at FROM ${this.#table(loadsTable.name)} WHERE load_id = ?`,
      [loadId],
    );
    return row === undefined ? undefined : markerOf({ ...row, committed_at: isoOf(row['committed_at']) });
  }

  async latestCursor(
    dagId: string,
    extractTaskId: string,
    loads?: readonly string[],
  ): Promise<JsonValue | undefined> {
    const rows = await this.#run(
      `SELECT task_id, cursor FROM ${this.#table(loadsTable.name)} WHERE dag_id = ? AND ${this.#engine.dialect.contains('cursor')}
       QUALIFY row_number() OVER (PARTITION BY task_id ORDER BY committed_at DESC, fence DESC) = 1`,
      [dagId, `"taskId":${JSON.stringify(extractTaskId)}`],
    );
    const markers = rows.map((row) => ({
      loadTaskId: String(row['task_id']),
      cursor: String(row['cursor']),
    }));
    return committedCursor(markers, extractTaskId, loads);
  }

  /**
   * Takes a fence above every other of the interval. Two that claim at once get different numbers, because each carries its
   * time and a random part; the greater one holds.
   */
  async claimFence(table: string, key: string): Promise<number> {
    await this.#makeFenceTable(table);
    const name = this.#table(fenceTable(table));
    const [row] = await this.#run(`SELECT max(fence) AS fence FROM ${name} WHERE interval_key = ?`, [key]);
    const fence = Math.max(
      Number(row?.['fence'] ?? 0) + 1,
      Date.now() * 1_000 + Math.floor(Math.random() * 1_000),
    );
    await this.#run(
      `INSERT INTO ${name} (interval_key, fence) SELECT ${textBind(this.#engine.dialect)}, ${String(fence)}`,
      [key],
    );
    return fence;
  }

  /** How often the table's columns have been rebuilt, and since when: odd while it is under way. */
  async schemaVersion(table: string): Promise<{ readonly version: number; readonly changedAt: string }> {
    await this.#makeFenceTable(table);
    const [row] = await this.#run(
      `SELECT max(fence) AS version, max(changed_at) AS changed_at FROM ${this.#table(fenceTable(table))} WHERE interval_key = ?`,
      [lockKey],
    );
    return { version: Number(row?.['version'] ?? 0), changedAt: isoOf(row?.['changed_at'] ?? null) };
  }

  /** Moves the version on; loads that planned with the former one are refused from then on. */
  async setSchemaVersion(table: string, version: number): Promise<void> {
    const { dialect } = this.#engine;
    await this.#run(
      `UPDATE ${this.#table(fenceTable(table))} SET fence = ${String(version)}, changed_at = ${dialect.now} WHERE interval_key = ?`,
      [lockKey],
    );
  }

  async quarantinedRows(ids: readonly string[]): Promise<readonly string[]> {
    if (ids.length === 0) return [];
    const rows = await this.#run(
      `SELECT quarantine_id, raw FROM ${this.#table(quarantineTable.name)} WHERE quarantine_id IN (${ids.map(() => '?').join(', ')})`,
      ids,
    );
    const byId = new Map(rows.map((row) => [row['quarantine_id'], row['raw']]));
    return ids.map((id) => byId.get(id)).filter((raw) => typeof raw === 'string');
  }

  async #makeFenceTable(table: string): Promise<void> {
    if (this.#fenced.has(table)) return;
    assertIdentifier('table', table);
    const name = this.#table(fenceTable(table));
    await this.#make(fenceTableOf(table));
    const [row] = await this.#run(`SELECT count(*) AS n FROM ${name} WHERE interval_key = ?`, [lockKey]);
    // Two processes may both insert it: every statement treats all such rows alike.
    if (Number(row?.['n'] ?? 0) === 0)
      await this.#run(
        `INSERT INTO ${name} (interval_key, fence) SELECT ${textBind(this.#engine.dialect)}, 0`,
        [lockKey],
      );
    this.#fenced.add(table);
  }

  async #make(table: SystemTable): Promise<void> {
    if ((await this.#engine.hasTable?.(table.name)) === true) return;
    await this.#run(systemTableDdl(table, this.#engine.dialect));
  }

  #table(name: string): string {
    return this.#engine.dialect.table(name);
  }

  #run(sql: string, binds: Statement['binds'] = []): Promise<readonly QueryRow[]> {
    return this.#engine.run({ sql, binds });
  }
}

/** A text that is bound where nothing else says that it is one. */
export function textBind(dialect: RemoteDialect): string {
  return `CAST(? AS ${dialect.typeOf({ type: 'string' })})`;
}

/** What a load's transaction must find: its own fence on top, the columns it planned with, no marker of its own. */
export function guardOf(
  request: LoadRequest,
  version: number,
  dialect: RemoteDialect,
): { readonly look: Statement; readonly guard: Statement; check(row: QueryRow | undefined): void } {
  const fences = dialect.table(fenceTable(request.config.into));
  const loads = dialect.table(loadsTable.name);
  const key = intervalKey(request.interval);
  const fence = `(SELECT max(fence) FROM ${fences} WHERE interval_key = ?)`;
  const columns = `(SELECT max(fence) FROM ${fences} WHERE interval_key = ?)`;
  const markers = `(SELECT count(*) FROM ${loads} WHERE load_id = ?)`;
  const binds = [key, lockKey, request.loadId];
  return {
    look: { sql: `SELECT ${fence} AS fence, ${columns} AS version, ${markers} AS markers`, binds },
    guard: {
      sql: `${fence} = ${String(request.fence)} AND ${columns} = ${String(version)} AND ${markers} = 0`,
      binds,
    },
    check(row) {
      const current = Number(row?.['fence'] ?? 0);
      if (current !== request.fence) {
        throw new PipelineError('STALE_FENCE', {
          table: request.config.into,
          interval: key,
          fence: request.fence,
          current,
        });
      }
      // Another has changed the columns, or committed this very load: the next try sees it.
      if (Number(row?.['version'] ?? 0) !== version || Number(row?.['markers'] ?? 0) > 0)
        throw new PipelineError('WAREHOUSE_CONFLICT', { table: request.config.into });
    },
  };
}

/** ISO text of an instant of a result, with milliseconds. */
function isoOf(value: JsonValue | undefined): string {
  if (typeof value !== 'string') return '';
  const text = `${value.slice(0, 19).replace(' ', 'T')}.${(/\.(\d+)/.exec(value)?.[1] ?? '').padEnd(3, '0').slice(0, 3)}Z`;
  return text;
}
