import { Client, WorkflowExecutionAlreadyStartedError, type Connection } from '@temporalio/client';
import { createHash } from 'node:crypto';
import type { Settings } from '../config.js';
import { PipelineError } from '../core/errors/index.js';
import { manualWorkflowId } from '../core/ids.js';
import { canonicalJson } from '../core/json.js';
import { limits } from '../core/limits.js';
import type { RunRequest, RunStarter, RunView } from '../serve/runs-api.js';
import { getRun, manualRun } from './runs.js';
import { connectTemporal } from './temporal/connect.js';

/** Starts runs for the gateway; the connection to Temporal is made with the first request, and again after a failure. */
export function createRunStarter(settings: Settings): RunStarter & { close(): Promise<void> } {
  let connecting: Promise<Connection> | undefined;
  const withClient = async <Result>(work: (client: Client) => Promise<Result>): Promise<Result> => {
    connecting ??= connectTemporal(settings);
    const current = connecting;
    try {
      const connection = await current;
      // The client tries again by itself for longer than a caller waits.
      return await connection.withDeadline(Date.now() + limits.apiTemporalMaxMs, () =>
        work(new Client({ connection, namespace: settings.temporal.namespace })),
      );
    } catch (error) {
      if (connecting === current && isUnavailable(error) && !isBusy(error)) {
        connecting = undefined;
        void current.then((connection) => connection.close()).catch(() => undefined);
      }
      throw isUnavailable(error) ? unavailable(error) : error;
    }
  };
  return {
    start: (request) => withClient((client) => startOnce(client, request, settings.temporal.taskQueue)),
    show: (dagId, runId) => withClient((client) => show(client, dagId, runId)),
    close: async () => {
      await connecting?.then((connection) => connection.close()).catch(() => undefined);
    },
  };
}

/** A run of this name starts once, also after its end, for as long as Temporal keeps it. */
async function startOnce(
  client: Client,
  { dagId, runId, interval, params, triggeredBy }: RunRequest,
  taskQueue: string,
): Promise<{ workflowId: string; isNew: boolean }> {
  const options = {
    ...(interval === undefined ? {} : { interval }),
    ...(params === undefined ? {} : { params }),
  };
  const request = createHash('sha256').update(canonicalJson(options)).digest('hex');
  const run = await manualRun(client, dagId, { ...options, taskQueue, name: runId, triggeredBy });
  try {
    await client.workflow.start('runDag', {
      ...run,
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      memo: { request },
    });
    return { workflowId: run.workflowId, isNew: true };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const { memo } = await client.workflow.getHandle(run.workflowId).describe();
    if (memo?.['request'] !== request) throw new PipelineError('API_RUN_DIFFERS', { runId, dagId });
    return { workflowId: run.workflowId, isNew: false };
  }
}

/** States by Temporal's status of a workflow; any other is a failure. */
const states: Readonly<Record<string, RunView['state']>> = {
  running: 'running',
  paused: 'running',
  continued_as_new: 'running',
  completed: 'success',
  cancelled: 'cancelled',
  terminated: 'cancelled',
};

async function show(client: Client, dagId: string, runId: string): Promise<RunView> {
  const workflowId = manualWorkflowId(dagId, runId);
  const { status, startedAt, closedAt, result } = await getRun(client, workflowId);
  return {
    workflowId,
    state: states[status] ?? 'failed',
    startedAt,
    ...(closedAt === undefined ? {} : { endedAt: closedAt }),
    ...(result === undefined
      ? {}
      : { tasks: Object.fromEntries(result.tasks.map(({ taskId, state }) => [taskId, state])) }),
  };
}

/** Temporal did not answer; what it refused is another error. */
function isUnavailable(error: unknown): boolean {
  if (error instanceof PipelineError) return error.code === 'TEMPORAL_UNAVAILABLE';
  return grpcCodes(error).some((code) =>
    [grpcDeadlineExceeded, grpcResourceExhausted, grpcUnavailable].includes(code),
  );
}

/** It answered that it has too much to do, after all the tries of the client: the connection is good. */
function isBusy(error: unknown): boolean {
  return grpcCodes(error).includes(grpcResourceExhausted);
}

function grpcCodes(error: unknown): number[] {
  const codes: number[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code === 'number') codes.push(code);
  }
  return codes;
}

/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const grpcDeadlineExceeded = 4;
const grpcResourceExhausted = 8;
const grpcUnavailable = 14;

function unavailable(error: unknown): unknown {
  if (error instanceof PipelineError) return error;
  return new PipelineError('TEMPORAL_UNAVAILABLE', { reasons: ['it does not answer'] }, { cause: error });
}
