import './without-detection.js';
import snowflake, { type Bind as DriverBind, type Connection } from 'snowflake-sdk';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { Bind, StatementTag } from '../remote/engine.js';
import { snowflakeFailure } from './failure.js';
import type { SnowflakeSettings } from './settings.js';

/** Rows of a result, every value as text but booleans; names as Snowflake stores them. */
export interface SessionResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

/** One session with Snowflake: statements follow one another. */
export class SnowflakeSession {
  readonly #connection: Connection;
  readonly #settings: SnowflakeSettings;
  #isBroken = false;

  private constructor(connection: Connection, settings: SnowflakeSettings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  /** @throws PipelineError WAREHOUSE_AUTH, WAREHOUSE_UNAVAILABLE */
  static async open(settings: SnowflakeSettings): Promise<SnowflakeSession> {
    quietDriver();
    const connection = snowflake.createConnection(settings.driver);
    try {
      await withDeadline(
        limits.warehouseConnectMaxMs,
        'the connection did not stand in time',
        loggedIn(connection),
      );
    } catch (error) {
      throw snowflakeFailure(error, 'the connection');
    }
    return new SnowflakeSession(connection, settings);
  }

  /** False once a statement's answer never came: what the session holds is unknown then. */
  get isUsable(): boolean {
    return !this.#isBroken && this.#connection.isUp();
  }

  /**
   * Runs one statement and waits for its whole result. The driver itself sends a statement again where the network failed,
   * under the same request id, which Snowflake runs once.
   *
   * @param binds values, or rows of values for one INSERT
   * @throws PipelineError WAREHOUSE_*
   */
  async run(
    sqlText: string,
    binds: readonly Bind[] | readonly (readonly Bind[])[] = [],
    tag: StatementTag = {},
  ): Promise<SessionResult> {
    const deadlineMs = this.#settings.statementMaxSeconds * 1_000 + limits.warehouseStatementGraceMs;
    let cancel: () => void = () => undefined;
    const answer = new Promise<SessionResult>((resolve, reject) => {
      const statement = this.#connection.execute({
        sqlText,
        ...(binds.length === 0 ? {} : { binds: binds as DriverBind[] }),
        rowMode: 'array',
        fetchAsString: ['Number', 'Date', 'JSON', 'Buffer'],
        parameters: this.#parameters(tag),
        complete: (error, done, rows) => {
          if (error) reject(error);
          else resolve({ columns: columnsOf(done), rows: (rows ?? []) as unknown[][] });
        },
      });
      cancel = () => {
        statement.cancel(() => undefined);
      };
    });
    try {
      return await withDeadline(deadlineMs, 'a statement was not answered in time', answer);
    } catch (error) {
      const failure = snowflakeFailure(error, tag.table ?? 'a system table');
      if (failure instanceof PipelineError && failure.code === 'WAREHOUSE_UNAVAILABLE') {
        this.#isBroken = true;
        cancel();
      }
      throw failure;
    }
  }

  /** Ends the session; Snowflake rolls back what it had begun. */
  close(): Promise<void> {
    this.#isBroken = true;
    const ended = new Promise<void>((resolve) => {
      this.#connection.destroy(() => {
        resolve();
      });
    });
    return withDeadline(limits.warehouseStatementGraceMs, '', ended).catch(() => undefined);
  }

  /** Parameters of the session, sent with each statement, so that no other use of the account's defaults changes a load. */
  #parameters({ loadId, runId, table }: StatementTag): Readonly<Record<string, string | number>> {
    const queryTag = JSON.stringify({
      app: this.#settings.queryTag,
      ...(table === undefined ? {} : { table }),
      ...(loadId === undefined ? {} : { load: loadId }),
      ...(runId === undefined ? {} : { run: runId }),
    });
    return {
      QUERY_TAG: queryTag,
      TIMEZONE: 'UTC',
      TIMESTAMP_NTZ_OUTPUT_FORMAT: 'YYYY-MM-DD HH24:MI:SS.FF6',
      DATE_OUTPUT_FORMAT: 'YYYY-MM-DD',
      BINARY_OUTPUT_FORMAT: 'HEX',
      BINARY_INPUT_FORMAT: 'HEX',
      STATEMENT_TIMEOUT_IN_SECONDS: this.#settings.statementMaxSeconds,
    };
  }
}

/** The driver tells its callback alone that a login was refused; its promise is kept before the server has answered. */
function loggedIn(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.connect((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function columnsOf(statement: {
  getColumns(): { getName(): string; getType(): string }[] | undefined;
}): SessionResult['columns'] {
  return (statement.getColumns() ?? []).map((column) => ({
    name: column.getName(),
    type: column.getType().toLowerCase(),
  }));
}

async function withDeadline<Result>(maxMs: number, reason: string, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new PipelineError('WAREHOUSE_UNAVAILABLE', { warehouse: 'snowflake', reason }));
    }, maxMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

let isQuiet = false;

/** The driver logs to a file of its own and to stdout unless told otherwise. */
function quietDriver(): void {
  if (isQuiet) return;
  isQuiet = true;
  snowflake.configure({ logLevel: 'OFF', additionalLogToConsole: false });
}
