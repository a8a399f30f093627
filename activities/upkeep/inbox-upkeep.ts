import { join } from 'node:path';
import type { Logger } from 'pino';
import { listStreams, pruneStream } from '../../connectors/inbox/prune.js';
import type { Warehouse } from '../../connectors/warehouse.js';
import type { DagSpec } from '../../core/dag/dag-spec.js';
import { inboxReportMark, type InboxReport, type InboxStreamReport } from '../../core/inbox-report.js';
import { limits } from '../../core/limits.js';
import type { OpsStore } from '../../ops/store.js';
import { inboxReaders } from '../read/inbox-readers.js';
import { pause } from '../schedules/pause.js';

export interface InboxUpkeepOptions {
  readonly dataDirectory: string;
  /** Specs of all deployed DAGs. */
  deployed(): Promise<readonly DagSpec[]>;
  readonly warehouse: Pick<Warehouse, 'latestCursor'>;
  readonly store: Pick<OpsStore, 'leases'>;
  readonly retentionMs: number;
  readonly signal?: AbortSignal;
}

/**
 * One round: removes segments that every deployed DAG which reads their stream has loaded, and that are past the retention.
 * What is unread stays however old it is. Rounds of several processes do no harm to each other.
 *
 * @returns what stays and why; undefined where this machine has no inbox
 * @throws PipelineError WAREHOUSE_*
 */
export async function keepInbox(options: InboxUpkeepOptions): Promise<InboxReport | undefined> {
  const inboxDirectory = join(options.dataDirectory, 'inbox');
  const streams = await listStreams(inboxDirectory);
  if (streams.length === 0) return undefined;
  const nowMs = Date.now();
  const beforeMs = nowMs - options.retentionMs;
  const readers = await inboxReaders(await options.deployed(), options.warehouse);
  const found: InboxStreamReport[] = [];
  for (const stream of streams) {
    const known = readers.get(stream) ?? { readers: [], readThrough: '' };
    const pruned = await pruneStream({
      inboxDirectory,
      stream,
      beforeMs,
      readThrough: known.readThrough,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    found.push({ stream, ...pruned, readers: known.readers });
  }
  const report: InboxReport = {
    at: new Date(nowMs).toISOString(),
    before: new Date(beforeMs).toISOString(),
    streams: found,
  };
  await options.store.leases.setMark(inboxReportMark, JSON.stringify(report));
  return report;
}

/** Rounds of upkeep until stopped; an error is logged, and the next round tries again. */
export function startInboxUpkeep(options: InboxUpkeepOptions & { readonly logger: Logger }): {
  stop(): Promise<void>;
} {
  const abort = new AbortController();
  const { signal } = abort;
  const round = async () => {
    try {
      for (const { stream, removedSegments, removedBytes } of (await keepInbox({ ...options, signal }))
        ?.streams ?? [])
        if (removedSegments > 0)
          options.logger.info(
            { stream, removedSegments, removedBytes },
            'inbox segments past their retention removed',
          );
    } catch (error) {
      options.logger.warn({ err: error }, 'the inbox could not be looked through');
    }
  };
  const rounds = (async () => {
    let waitMs: number = limits.inboxPruneFirstMs;
    while (await pause(waitMs, signal)) {
      await round();
      waitMs = limits.inboxPruneEveryMs;
    }
  })();
  return {
    stop: async () => {
      abort.abort();
      await rounds;
    },
  };
}
