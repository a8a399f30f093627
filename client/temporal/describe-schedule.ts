import { ServiceError, type Client, type ScheduleDescription } from '@temporalio/client';
import pRetry from 'p-retry';
import { limits } from '../../core/limits.js';

/**
 * How a schedule stands. The server answers by a query of the schedule's own workflow, and now and then loses one that
 * meets this workflow as it continues as new: it is refused, or its time runs out, after 10 s on a server of version 1.29.
 * Such a question is asked again, which the client's own retries do not do.
 *
 * @throws ScheduleNotFoundError, or what the last of `limits.temporalDescribeMaxTries` tries threw
 */
export function describeSchedule(client: Client, id: string): Promise<ScheduleDescription> {
  return pRetry(() => client.schedule.getHandle(id).describe(), {
    retries: limits.temporalDescribeMaxTries - 1,
    minTimeout: limits.temporalDescribePauseMs,
    shouldRetry: ({ error }) => isLostQuery(error),
  });
}

function isLostQuery(error: unknown): boolean {
  const code =
    error instanceof ServiceError ? (error.cause as { code?: unknown } | undefined)?.code : undefined;
  return code === failedPrecondition || code === deadlineExceeded;
}

/** Status codes of gRPC, https://grpc.io/docs/guides/status-codes/. */
const deadlineExceeded = 4;
const failedPrecondition = 9;
