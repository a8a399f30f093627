import type { Client } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { pruneStaging, type PruneReport } from '../../connectors/staging/prune.js';
import type { StagingStore } from '../../connectors/staging.js';
import { PipelineError } from '../../core/errors/index.js';
import type { RunRecord } from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';
import type { OpsStore } from '../../ops/store.js';
import { pause } from '../schedules/pause.js';

export interface StagingUpkeepOptions {
  readonly client: Client;
  readonly store: Pick<OpsStore, 'ledger' | 'leases'>;
  readonly staging: Pick<StagingStore, 'entries' | 'remove'>;
  /** Files that the warehouse would be made again from. */
  needed(): Promise<ReadonlySet<string>>;
  readonly retentionMs: number;
  readonly isDryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface StagingUpkeepReport extends PruneReport {
  /** Files that were used since then stayed, ISO 8601 UTC: the retention, or the start of the oldest open run. */
  readonly before: string;
}

const lease = 'staging-prune';

/**
 * One round: removes staged files that are past the retention and that no open run may still read. What a run reads was
 * written or asked for after its own start, or after the start of the execution whose results it goes on from. One process of
 * an operations store at a time does this; undefined where another is at it.
 *
 * @throws PipelineError STAGING_UNAVAILABLE, STAGING_REFUSED, LIMIT_EXCEEDED
 */
export async function keepStaging(options: StagingUpkeepOptions): Promise<StagingUpkeepReport | undefined> {
  const { store, staging, signal, isDryRun = false } = options;
  const holder = randomUUID();
  const renew = () => store.leases.take(lease, holder, limits.ledgerLeaseMs);
  if (!(await renew())) return undefined;
  try {
    const beforeMs = Math.min(Date.now() - options.retentionMs, await oldestOpenStartMs(options));
    const report = await pruneStaging({
      staging,
      beforeMs,
      needed: await options.needed(),
      isDryRun,
      ...(signal === undefined ? {} : { signal }),
      keepGoing: renew,
    });
    return { ...report, before: new Date(beforeMs).toISOString() };
  } finally {
    await store.leases.release(lease, holder);
  }
}

/** Start of the run that is open longest, with a margin for clocks that differ; `Infinity` where none is. */
async function oldestOpenStartMs({ client, store }: StagingUpkeepOptions): Promise<number> {
  let oldestMs = Infinity;
  const query = `WorkflowType = "runDag" AND ExecutionStatus = "Running"`;
  for await (const info of client.workflow.list({ query }))
    oldestMs = Math.min(oldestMs, info.startTime.getTime());
  // The ledger knows of a run that continued as new when it began, and what a cleared one goes on from.
  for (const state of ['queued', 'running'] as const) {
    const open = await store.ledger.listRuns({ state, limit: limits.stagingMaxOpenRuns });
    if (open.length >= limits.stagingMaxOpenRuns)
      throw new PipelineError('LIMIT_EXCEEDED', {
        what: 'The number of open runs while staged files are looked through',
        actual: open.length,
        limit: 'stagingMaxOpenRuns',
        allowed: limits.stagingMaxOpenRuns,
      });
    for (const run of open) oldestMs = Math.min(oldestMs, await firstStartMs(run, store.ledger));
  }
  return oldestMs - limits.stagingClockMarginMs;
}

async function firstStartMs(run: RunRecord, ledger: OpsStore['ledger']): Promise<number> {
  let record: RunRecord | undefined = run;
  let oldestMs = Date.parse(run.startedAt);
  while (record?.formerRunId !== undefined) {
    record = await ledger.getRun(record.workflowId, record.formerRunId);
    if (record !== undefined) oldestMs = Math.min(oldestMs, Date.parse(record.startedAt));
  }
  return oldestMs;
}

/** Rounds of upkeep until stopped; an error is logged, and the next round tries again. */
export function startStagingUpkeep(options: StagingUpkeepOptions & { readonly logger: Logger }): {
  stop(): Promise<void>;
} {
  const abort = new AbortController();
  const { signal } = abort;
  const round = async () => {
    try {
      const report = await keepStaging({ ...options, signal });
      if (report !== undefined && report.removedFiles > 0)
        options.logger.info({ ...report }, 'staged files past their retention removed');
    } catch (error) {
      options.logger.warn({ err: error }, 'staged files could not be looked through');
    }
  };
  const rounds = (async () => {
    // The ledger is brought up to date first.
    let waitMs: number = limits.stagingPruneFirstMs;
    while (await pause(waitMs, signal)) {
      await round();
      waitMs = limits.stagingPruneEveryMs;
    }
  })();
  return {
    stop: async () => {
      abort.abort();
      await rounds;
    },
  };
}
