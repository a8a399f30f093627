import { PipelineError } from '../../core/errors/index.js';
import { SnowflakeSession } from './session.js';
import type { SnowflakeSettings } from './settings.js';

/** The sessions of one process: a few, kept for the next who needs one; others wait their turn. */
export class SnowflakeSessions {
  readonly #settings: SnowflakeSettings;
  readonly #idle: SnowflakeSession[] = [];
  readonly #waiting: (() => void)[] = [];
  #open = 0;
  #isClosed = false;

  constructor(settings: SnowflakeSettings) {
    this.#settings = settings;
  }

  /** Lends a session for a piece of work. One that broke is ended and never lent again. */
  async use<Result>(work: (session: SnowflakeSession) => Promise<Result>): Promise<Result> {
    const session = await this.#take();
    try {
      return await work(session);
    } finally {
      this.#give(session);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#idle.splice(0).map((session) => session.close()));
  }

  async #take(): Promise<SnowflakeSession> {
    if (this.#isClosed)
      throw new PipelineError('WAREHOUSE_UNAVAILABLE', {
        warehouse: 'snowflake',
        reason: 'it is not open',
      });
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#open >= this.#settings.maxConnections) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return this.#take();
    }
    this.#open += 1;
    try {
      return await SnowflakeSession.open(this.#settings);
    } catch (error) {
      this.#open -= 1;
      this.#waiting.shift()?.();
      throw error;
    }
  }

  #give(session: SnowflakeSession): void {
    if (session.isUsable && !this.#isClosed) this.#idle.push(session);
    else {
      this.#open -= 1;
      void session.close();
    }
    this.#waiting.shift()?.();
  }
}
