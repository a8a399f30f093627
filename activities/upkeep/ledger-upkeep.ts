import type { Client } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { limits } from '../../core/limits.js';
import type { OpsStore } from '../../ops/store.js';
import { pause } from '../schedules/pause.js';
import { syncLedger, type SyncReport } from '../ledger/sync-ledger.js';

export interface UpkeepOptions {
  readonly client: Client;
  readonly store: Pick<OpsStore, 'ledger' | 'leases'>;
  readonly retentionMs: number;
  /** Look at every run that Temporal knows, not only at those that ended since the last complete pass. */
  readonly isFull?: boolean;
  readonly signal?: AbortSignal;
}

export interface UpkeepReport extends SyncReport {
  /** Runs that the retention removed. */
  readonly deleted: number;
}

const lease = 'ledger-upkeep';
const mark = 'ledger-synced-through';

/**
 * One round: synchronise the ledger with Temporal, pass by pass, then remove what is past its retention. One process at a
 * time does this; undefined where another is at it.
 */
export async function keepLedger(options: UpkeepOptions): Promise<UpkeepReport | undefined> {
  const { client, store, isFull = false, signal } = options;
  const holder = randomUUID();
  const renew = () => store.leases.take(lease, holder, limits.ledgerLeaseMs);
  if (!(await renew())) return undefined;
  try {
    const startedAt = Date.now();
    const oldest = new Date(startedAt - options.retentionMs).toISOString();
    const through = isFull ? undefined : await store.leases.getMark(mark);
    let report: SyncReport = { listed: 0, added: 0, corrected: 0, isComplete: false };
    while (!report.isComplete && signal?.aborted !== true) {
      const pass = await syncLedger({
        client,
        ledger: store.ledger,
        endedSince: through === undefined || through < oldest ? oldest : through,
        ...(signal === undefined ? {} : { signal }),
        keepGoing: renew,
      });
      report = {
        listed: pass.listed,
        added: report.added + pass.added,
        corrected: report.corrected + pass.corrected,
        isComplete: pass.isComplete,
      };
      if (pass.added + pass.corrected === 0) break;
    }
    // The list of runs is late by a moment, and clocks differ.
    if (report.isComplete)
      await store.leases.setMark(mark, new Date(startedAt - limits.ledgerSyncOverlapMs).toISOString());
    return { ...report, deleted: await store.ledger.deleteBefore(oldest) };
  } finally {
    await store.leases.release(lease, holder);
  }
}

/** Rounds of upkeep until stopped; an error is logged, and the next round tries again. */
export function startUpkeep(options: UpkeepOptions & { readonly everyMs: number; readonly logger: Logger }): {
  stop(): Promise<void>;
} {
  const abort = new AbortController();
  const { signal } = abort;
  const round = async () => {
    try {
      const report = await keepLedger({ ...options, signal });
      if (report !== undefined && report.added + report.corrected + report.deleted > 0)
        options.logger.info({ ...report }, 'run ledger brought up to date');
    } catch (error) {
      options.logger.warn({ err: error }, 'the run ledger could not be brought up to date');
    }
  };
  const rounds = (async () => {
    for (await round(); await pause(options.everyMs, signal);) await round();
  })();
  return {
    stop: async () => {
      abort.abort();
      await rounds;
    },
  };
}
