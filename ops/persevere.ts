import pRetry from 'p-retry';
import type { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import { isConflict, LostConnectionError, NotConnectedError } from './postgres-errors.js';

/** How operations of a store on Postgres are tried again. */
export interface Perseverance {
  /** What is thrown where the connection is lost, or others are in the way, to the end. */
  unavailable(error: unknown): PipelineError;
  /** Operations whose repetition would say something else: repeated only where the first one certainly did nothing. */
  readonly once?: readonly string[];
  /** Methods that have nothing to do with the server. */
  readonly plain?: readonly string[];
}

/**
 * The same object, whose methods are tried again for `limits.opsPostgresRetryMs` where the connection to Postgres was lost
 * or another transaction was in the way. All but those of `once` must be safe to repeat.
 */
export function persevering<Target extends object>(
  target: Target,
  { unavailable, once = [], plain = [] }: Perseverance,
): Target {
  return new Proxy(target, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name);
      if (typeof member !== 'function' || typeof name !== 'string' || plain.includes(name)) return member;
      const mayRepeat = (error: unknown) =>
        isConflict(error) ||
        error instanceof NotConnectedError ||
        (error instanceof LostConnectionError && !once.includes(name));
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await pRetry(async () => Reflect.apply(member, object, args) as unknown, {
            retries: Number.POSITIVE_INFINITY,
            maxRetryTime: limits.opsPostgresRetryMs,
            minTimeout: limits.opsPostgresRetryFirstPauseMs,
            maxTimeout: limits.opsPostgresRetryPauseMs,
            randomize: true,
            shouldRetry: ({ error }) => mayRepeat(error),
          });
        } catch (error) {
          throw error instanceof LostConnectionError || isConflict(error) ? unavailable(error) : error;
        }
      };
    },
  });
}
