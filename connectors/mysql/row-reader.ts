import type mysql from 'mysql2';
import { limits } from '../../core/limits.js';

/** A row as the server writes it, by position. */
export type ByteRow = readonly (Buffer | null)[];

/**
 * Rows of one statement in chunks, as they arrive. While nobody takes them the socket rests, so that the server waits. The
 * driver's own stream is not used: it costs a promise a row, and lets one that was destroyed look like one that has ended.
 */
export class RowReader {
  readonly #driver: mysql.Connection;
  #waiting: ByteRow[] = [];
  #isPaused = false;
  #outcome: 'reading' | 'ended' | { readonly error: Error } = 'reading';
  #wake = (): void => undefined;

  constructor(driver: mysql.Connection) {
    this.#driver = driver;
  }

  /** Ends the rows with an error. */
  fail(error: Error): void {
    if (this.#outcome === 'reading') this.#outcome = { error };
    this.#wake();
  }

  async *chunks(sql: string): AsyncGenerator<readonly ByteRow[]> {
    const query = this.#driver.query({ sql, rowsAsArray: true, typeCast: false });
    query.on('result', (row: ByteRow) => this.#take(row));
    query.on('error', (error: Error) => this.fail(error));
    query.on('end', () => this.#end());
    for (;;) {
      if (this.#waiting.length > 0) yield this.#chunk();
      else if (this.#outcome === 'ended') return;
      else if (this.#outcome !== 'reading') throw this.#outcome.error;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  #take(row: ByteRow): void {
    this.#waiting.push(row);
    if (this.#waiting.length >= limits.mysqlBufferedRows && !this.#isPaused) {
      this.#isPaused = true;
      this.#driver.pause();
    }
    this.#wake();
  }

  #end(): void {
    if (this.#outcome === 'reading') this.#outcome = 'ended';
    this.#wake();
  }

  /** What has arrived; more may follow while it is worked on. */
  #chunk(): readonly ByteRow[] {
    const chunk = this.#waiting;
    this.#waiting = [];
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#driver.resume();
    }
    return chunk;
  }
}
