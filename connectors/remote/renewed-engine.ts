import { isDeepStrictEqual } from 'node:util';
import { isPipelineError, PipelineError } from '../../core/errors/index.js';
import type { JsonObject } from '../../core/json.js';
import type { ConnectionRenewal } from '../connection-renewal.js';
import type { StoredColumn } from '../load/evolution.js';
import type { StagedRows } from '../load/stage-batch.js';
import type { QueryResult, QueryRow } from '../warehouse.js';
import type { CommitScript, RemoteEngine, Statement, StatementTag, TemporaryTable } from './engine.js';

/** Makes an engine for a connection. @throws PipelineError CONFIG_INVALID */
type MakeEngine = (connection: JsonObject) => RemoteEngine;

/** An engine, the connection that it was made for, and how many pieces of work it has in hand. */
interface Generation {
  readonly engine: RemoteEngine;
  readonly connection: JsonObject;
  uses: number;
}

/** The engine of a connection, which follows the connection's changes where it can hear of them. */
export function engineFor(
  make: MakeEngine,
  connection: JsonObject,
  renewal: ConnectionRenewal | undefined,
): RemoteEngine {
  const engine = make(connection);
  return renewal === undefined ? engine : new RenewedEngine({ engine, connection, uses: 0 }, make, renewal);
}

/**
 * An engine that changes its connection without an end of its work. It looks for a change before a piece of work, now and
 * then, and whenever the warehouse refused one. Another connection is tried first: one that does not log in, or that leads to
 * another place, leaves the former in use. What runs ends on the engine that it began with, which is closed after it; what
 * was refused is done once more on the new one, since nothing of it has taken place.
 */
class RenewedEngine implements RemoteEngine {
  readonly name: string;
  readonly place: string;
  readonly capabilities: RemoteEngine['capabilities'];
  readonly dialect: RemoteEngine['dialect'];
  readonly checksums: RemoteEngine['checksums'];
  readonly format: RemoteEngine['format'];
  readonly #make: MakeEngine;
  readonly #renewal: ConnectionRenewal;
  #active: Generation;
  /** Those before it that still have work in hand. */
  readonly #former = new Set<Generation>();
  /** A connection that did not do: asked again only when the active one is refused, since failed logins lock users out. */
  #refused: JsonObject | undefined;
  #looking: Promise<void> | undefined;
  #lookedAt = performance.now();

  constructor(first: Generation, make: MakeEngine, renewal: ConnectionRenewal) {
    const { engine } = first;
    this.#active = first;
    this.#make = make;
    this.#renewal = renewal;
    this.name = engine.name;
    this.place = engine.place;
    this.capabilities = engine.capabilities;
    this.dialect = engine.dialect;
    this.checksums = engine.checksums;
    this.format = engine.format;
  }

  open(): Promise<void> {
    return this.#use((engine) => engine.open());
  }

  async close(): Promise<void> {
    await this.#looking;
    await Promise.all([this.#active, ...this.#former].map(({ engine }) => engine.close()));
  }

  run(statement: Statement, tag?: StatementTag): Promise<readonly QueryRow[]> {
    return this.#use((engine) => engine.run(statement, tag));
  }

  columns(table: string): Promise<readonly StoredColumn[] | undefined> {
    return this.#use((engine) => engine.columns(table));
  }

  createTemporary(tables: readonly TemporaryTable[], tag: StatementTag): Promise<void> {
    return this.#use((engine) => engine.createTemporary(tables, tag));
  }

  upload(table: string, rows: StagedRows, tag: StatementTag): Promise<number> {
    return this.#use((engine) => engine.upload(table, rows, tag));
  }

  dropTables(tables: readonly string[]): Promise<void> {
    return this.#use((engine) => engine.dropTables(tables));
  }

  sweep(): Promise<void> {
    return this.#use((engine) => engine.sweep());
  }

  commit(script: CommitScript, tag: StatementTag): Promise<void> {
    return this.#use((engine) => engine.commit(script, tag));
  }

  query(sql: string, maxRows: number): Promise<QueryResult> {
    return this.#use((engine) => engine.query(sql, maxRows));
  }

  describe(): JsonObject {
    return this.#active.engine.describe();
  }

  async #use<Result>(work: (engine: RemoteEngine) => Promise<Result>): Promise<Result> {
    if (performance.now() - this.#lookedAt >= this.#renewal.everyMs) await this.#look(false);
    const used = this.#active;
    try {
      return await this.#on(used, work);
    } catch (error) {
      if (!isPipelineError(error) || error.code !== 'WAREHOUSE_AUTH') throw error;
      if (this.#active === used) await this.#look(true);
      if (this.#active === used) throw error;
      return this.#on(this.#active, work);
    }
  }

  async #on<Result>(
    generation: Generation,
    work: (engine: RemoteEngine) => Promise<Result>,
  ): Promise<Result> {
    generation.uses += 1;
    try {
      return await work(generation.engine);
    } finally {
      generation.uses -= 1;
      this.#retire(generation);
    }
  }

  /** One look at a time; one that is urgent begins after the moment at which it was asked for. */
  async #look(isUrgent: boolean): Promise<void> {
    if (isUrgent) await this.#looking;
    this.#looking ??= this.#renew(isUrgent).finally(() => {
      this.#lookedAt = performance.now();
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #renew(isUrgent: boolean): Promise<void> {
    try {
      const connection = await this.#renewal.now();
      if (isDeepStrictEqual(connection, this.#active.connection)) return;
      if (!isUrgent && isDeepStrictEqual(connection, this.#refused)) return;
      const engine = await this.#tried(connection);
      const former = this.#active;
      this.#active = { engine, connection, uses: 0 };
      this.#refused = undefined;
      this.#former.add(former);
      this.#retire(former);
      this.#renewal.told({ status: 'renewed' });
    } catch (error) {
      this.#renewal.told({ status: 'kept', error });
    }
  }

  /** An engine for a connection that has logged in, to the same place. */
  async #tried(connection: JsonObject): Promise<RemoteEngine> {
    let engine: RemoteEngine | undefined;
    try {
      engine = this.#make(connection);
      if (engine.place !== this.place)
        throw new PipelineError('CONFIG_INVALID', {
          problems: [
            `the connection of the warehouse leads to ${engine.place} now, and this worker loads ${this.place}: restart it`,
          ],
        });
      await engine.run({ sql: 'SELECT 1', binds: [] });
      return engine;
    } catch (error) {
      const isDown = isPipelineError(error) && error.code === 'WAREHOUSE_UNAVAILABLE';
      if (!isDown) this.#refused = connection;
      await engine?.close();
      throw error;
    }
  }

  /** Closes one that is no longer in use once its last piece of work is done. */
  #retire(generation: Generation): void {
    if (generation.uses > 0 || !this.#former.delete(generation)) return;
    generation.engine.close().catch(() => undefined);
  }
}
