import { PipelineError } from '../core/errors/index.js';
import type { RunLedger, RunRecord } from '../core/ledger.js';

/** A run of the ledger. @throws PipelineError RUN_NOT_FOUND */
export async function findRun(ledger: RunLedger, id: string, runId: string | undefined): Promise<RunRecord> {
  const found = await ledger.getRun(id, runId);
  if (found !== undefined) return found;
  throw new PipelineError('RUN_NOT_FOUND', {
    what: 'run in the ledger',
    id: runId === undefined ? id : `${id} ${runId}`,
    command: 'millrace run list --all',
  });
}
