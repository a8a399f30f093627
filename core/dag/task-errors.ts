import { parseDuration, type DurationInput } from '../duration.js';

/** Thrown by a function of a DAG file: the task ends as skipped (Airflow's `AirflowSkipException`). */
export class SkipTaskError extends Error {
  override readonly name = 'SkipTaskError';
}

/** Thrown by a function of a DAG file: the task fails now, whatever retries are left (Airflow's `AirflowFailException`). */
export class FailTaskError extends Error {
  override readonly name = 'FailTaskError';
}

/** Thrown by a function of a DAG file: the next try comes no sooner than this. */
export class RetryTaskError extends Error {
  override readonly name = 'RetryTaskError';
  readonly retryAfterMs: number;

  /**
   * @param reason what went wrong
   * @param options.after milliseconds, or text such as `30s`
   * @throws TypeError where `after` is no duration
   */
  constructor(reason: string, { after }: { readonly after: DurationInput }) {
    super(reason);
    const retryAfterMs = parseDuration(after);
    if (retryAfterMs === undefined)
      throw new TypeError(`after: ${JSON.stringify(after)} is not a duration; use 500ms, 30s, 2m, 1h or 7d`);
    this.retryAfterMs = retryAfterMs;
  }
}
