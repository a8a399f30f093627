import type { Logger } from 'pino';
import {
  runStateRank,
  taskStateRank,
  type RunLedger,
  type RunRecord,
  type TaskLogLine,
  type TaskRecord,
} from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';

/** Where workflows and tasks tell what happens; returns at once and never throws. */
export interface LedgerWriter {
  /** Identity of this worker, as Temporal shows it. */
  readonly worker: string;
  recordRun(run: RunRecord): void;
  recordTask(task: TaskRecord): void;
  appendLog(line: TaskLogLine): void;
}

export interface LedgerBuffer extends LedgerWriter {
  /** Writes what waits; what could not be written waits on. */
  flush(): Promise<void>;
  /** Writes what waits, and takes nothing further. */
  close(): Promise<void>;
}

/**
 * Gathers records and writes them in batches, so that a task never waits for the operations store. An error of the store
 * is logged, never raised: the records wait, a bounded number of them, and what is dropped then comes back with the next
 * synchronisation from Temporal (log lines do not).
 */
export function createLedgerBuffer(
  ledger: Pick<RunLedger, 'record'>,
  options: { readonly worker: string; readonly logger: Logger },
): LedgerBuffer {
  const runs = new Map<string, RunRecord>();
  const tasks = new Map<string, TaskRecord>();
  let logs: TaskLogLine[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let isClosed = false;
  let dropped = 0;

  const waiting = () => runs.size + tasks.size + logs.length;
  const schedule = () => {
    if (isClosed || timer !== undefined || waiting() === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      void flush();
    }, limits.ledgerFlushEveryMs);
  };
  const added = () => {
    if (waiting() > limits.ledgerMaxWaitingRecords) dropOldest();
    if (waiting() >= limits.ledgerFlushRecords && writing === undefined) void flush();
    else schedule();
  };
  /** Half of the log lines go first; tasks and runs only where they alone are too many. */
  const dropOldest = () => {
    const before = waiting();
    logs = logs.slice(Math.ceil(logs.length / 2));
    for (const kept of [tasks, runs]) {
      const tooMany = waiting() - limits.ledgerMaxWaitingRecords;
      if (tooMany > 0) for (const key of [...kept.keys()].slice(0, tooMany)) kept.delete(key);
    }
    dropped += before - waiting();
  };
  const keepRun = (run: RunRecord) => {
    const key = `${run.workflowId}/${run.runId}`;
    const known = runs.get(key);
    if (known === undefined || runStateRank(run.state) >= runStateRank(known.state))
      runs.set(key, { ...known, ...run });
  };
  const keepTask = (task: TaskRecord) => {
    const key = `${task.workflowId}/${task.runId}/${task.taskId}/${String(task.mapIndex)}/${String(task.tryNumber)}`;
    const known = tasks.get(key);
    if (known === undefined || taskStateRank(task.state) >= taskStateRank(known.state))
      tasks.set(key, { ...(known?.state === task.state ? known : withoutError(known)), ...task });
  };

  const write = async () => {
    const batch = { runs: [...runs.values()], tasks: [...tasks.values()], logs };
    runs.clear();
    tasks.clear();
    logs = [];
    try {
      await ledger.record(batch);
      if (dropped > 0)
        options.logger.warn(
          { dropped },
          'records of the run ledger were dropped while it could not be written',
        );
      dropped = 0;
    } catch (error) {
      options.logger.warn({ err: error }, 'the run ledger could not be written');
      const newer = { runs: [...runs.values()], tasks: [...tasks.values()], logs };
      runs.clear();
      tasks.clear();
      for (const run of [...batch.runs, ...newer.runs]) keepRun(run);
      for (const task of [...batch.tasks, ...newer.tasks]) keepTask(task);
      logs = [...batch.logs, ...newer.logs];
      if (waiting() > limits.ledgerMaxWaitingRecords) dropOldest();
    }
  };
  const flush = async (): Promise<void> => {
    if (writing !== undefined) await writing;
    if (waiting() === 0) return;
    writing = write().finally(() => {
      writing = undefined;
    });
    await writing;
    schedule();
  };

  return {
    worker: options.worker,
    recordRun: (run) => {
      keepRun(run);
      added();
    },
    recordTask: (task) => {
      keepTask(task);
      added();
    },
    appendLog: (line) => {
      logs.push(line);
      added();
    },
    flush,
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await flush();
    },
  };
}

/** An error belongs to its state. */
function withoutError(task: TaskRecord | undefined): Partial<TaskRecord> {
  const { errorCode: _code, errorMessage: _text, ...others } = task ?? {};
  return others;
}
