import { ServiceError } from '@temporalio/client';
import { PipelineError } from '../../core/errors/index.js';

/** The error of a question that only a worker can answer, where none does. */
export function noWorkerAnswers(cause: unknown): PipelineError {
  const reasons = ['no worker answers; start one with "millrace worker" or "millrace dev"'];
  return new PipelineError('TEMPORAL_UNAVAILABLE', { reasons }, { cause });
}

/** Whether a query went unanswered: only a worker can tell what a workflow's state is. */
export function isUnansweredQuery(error: unknown): boolean {
  return error instanceof ServiceError && error.message.includes('query');
}
