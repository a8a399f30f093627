import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';
import { markerOf } from '../load/statements.js';
import type { LoadMarker, QueryRow } from '../warehouse.js';
import { markerColumns } from './rows.js';

/**
 * The markers and fences of one database, which every load asks for: on a connection of their own, one statement after another,
 * each prepared once.
 */
export class Books {
  readonly #connection: DuckDBConnection;
  readonly #prepared = new Map<string, DuckDBPreparedStatement>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** The marker of a load that is committed. */
  async findLoad(loadId: string): Promise<LoadMarker | undefined> {
    const [row] = await this.#rows(`SELECT ${markerColumns} FROM _millrace_loads WHERE load_id = $1`, [
      loadId,
    ]);
    return row === undefined ? undefined : markerOf(row);
  }

  /**
   * Raises the fence of an interval: one statement where it has one already. The caller sees to it that claims of one table
   * follow one another, so that none is lost.
   */
  async claimFence(table: string, key: string): Promise<number> {
    const [raised] = await this.#rows(
      'UPDATE _millrace_fences SET fence = fence + 1 WHERE table_name = $1 AND interval_key = $2 RETURNING fence',
      [table, key],
    );
    if (raised !== undefined) return Number(raised['fence']);
    await this.#rows('INSERT INTO _millrace_fences (fence, table_name, interval_key) VALUES (1, $1, $2)', [
      table,
      key,
    ]);
    return 1;
  }

  /** Lets what was asked for end first. */
  async close(): Promise<void> {
    await this.#last;
    this.#connection.closeSync();
  }

  /** A statement holds the values that are bound to it, hence one at a time. */
  #rows(sql: string, values: string[]): Promise<readonly QueryRow[]> {
    const mine = this.#last.then(() => this.#run(sql, values));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #run(sql: string, values: string[]): Promise<readonly QueryRow[]> {
    const statement = this.#prepared.get(sql) ?? (await this.#connection.prepare(sql));
    this.#prepared.set(sql, statement);
    statement.bind(values);
    return (await statement.runAndReadAll()).getRowObjectsJson();
  }
}
