import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { AlarmBook, AlarmSink } from '../../core/alarms.js';
import type { DagDefinition } from '../../core/dag/dag-definition.js';
import { limits } from '../../core/limits.js';
import type { OpsStore } from '../../ops/store.js';
import { deliverNotices } from './deliver.js';
import { judgeLag } from './judge-lag.js';
import { judgeRuns } from './judge-runs.js';

export interface AlarmKeeperOptions {
  readonly store: Pick<OpsStore, 'alarms' | 'hooks' | 'leases' | 'ledger' | 'quality'>;
  readonly book: AlarmBook;
  readonly sinks: readonly AlarmSink[];
  /** DAGs of this worker, whose load tasks say how fresh tables are to be. */
  readonly definitions: readonly Pick<DagDefinition, 'spec'>[];
  readonly logger: Logger;
}

const lease = 'alarms';
const startedAt = new Date().toISOString();

/** One look: judges runs that ended, then sends what waits. One process at a time does this. */
export async function keepAlarms(
  { store, book, sinks, definitions, logger }: AlarmKeeperOptions,
  signal: AbortSignal,
): Promise<void> {
  const holder = randomUUID();
  if (!(await store.leases.take(lease, holder, limits.alarmLeaseMs))) return;
  try {
    await judgeRuns(store.ledger, book, store.hooks);
    const now = new Date().toISOString();
    await judgeLag(store.quality, book, definitions, { since: startedAt, now });
    await deliverNotices({ store: store.alarms, sinks, logger, signal });
    await store.alarms.deleteBefore(new Date(Date.now() - limits.alarmKeepMs).toISOString());
    await store.quality.deleteBefore(new Date(Date.now() - limits.profileKeepMs).toISOString());
  } finally {
    await store.leases.release(lease, holder);
  }
}

/** Looks until stopped, sooner where a notice was made in this process; an error is logged, and the next look tries again. */
export function startAlarmKeeper(options: AlarmKeeperOptions & { readonly woken: EventTarget }): {
  stop(): Promise<void>;
} {
  const abort = new AbortController();
  let isWoken = false;
  let wake = (): void => undefined;
  const onNotice = (): void => {
    isWoken = true;
    wake();
  };
  const { woken } = options;
  woken.addEventListener('notice', onNotice);
  // What came meanwhile, a notice or the stop, ends it at once.
  const pause = () =>
    new Promise<void>((resolve) => {
      if (isWoken || abort.signal.aborted) {
        resolve();
        return;
      }
      const timer = setTimeout(resolve, limits.alarmLookEveryMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const rounds = (async () => {
    while (!abort.signal.aborted) {
      isWoken = false;
      try {
        await keepAlarms(options, abort.signal);
      } catch (error) {
        options.logger.warn({ err: error }, 'alarms could not be looked after');
      }
      await pause();
    }
  })();
  return {
    stop: async () => {
      woken.removeEventListener('notice', onNotice);
      abort.abort();
      wake();
      await rounds;
    },
  };
}
