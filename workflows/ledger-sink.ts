import { proxySinks } from '@temporalio/workflow';
import type { LedgerSinks, RunRecord, TaskRecord } from '../core/run/ledger.js';

const { ledger } = proxySinks<LedgerSinks>();

/** Tells the run ledger. A sink leaves no event in the history and is not called during a replay. */
export function recordRun(run: RunRecord): void {
  ledger.recordRun(run);
}

/** The verdict on a task where no try tells it; see `TaskRecord`. */
export function recordTask(task: TaskRecord): void {
  ledger.recordTask(task);
}
