import { ApplicationFailure } from '@temporalio/common';
import type { RunResult } from '../../core/run/run-result.js';

/** What a run that failed had reached: its workflow hands it on with the failure. One that was cancelled or ended by force has none. */
export function resultOfFailure(error: unknown): RunResult | undefined {
  const cause = error instanceof Error && error.cause instanceof ApplicationFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure) || cause.type !== 'RUN_FAILED') return undefined;
  return (cause.details as readonly RunResult[] | undefined)?.[0];
}
