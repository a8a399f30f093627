import {
  executeChild,
  patched,
  proxyActivities,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import type { ReconcileReport } from '../core/reconcile/reconcile.js';
import { limits } from '../core/limits.js';
import { chainOf } from './load-chain.js';
import type { ReconcileInput, ReconcileTableInput } from './messages.js';
import { reconcileTable } from './reconcile-table.js';
import { dagAttribute, modeAttribute } from './search-attributes.js';

const { reconcile } = proxyActivities<Pick<Activities, 'reconcile'>>({
  startToCloseTimeout: '6h',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '100s', maximumAttempts: 6 },
  summary: 'compare source and warehouse',
});

/** Compares every table that a DAG loads with its source, one after another, and reports what differs. */
export async function reconcileDag(input: ReconcileInput): Promise<ReconcileReport[]> {
  const { spec, specHash, interval, heal, reRead } = input;
  const reports: ReconcileReport[] = [];
  for (const load of spec.tasks) {
    if (load.kind !== 'load') continue;
    const chain = chainOf(spec, load);
    if (chain === undefined) continue;
    if (patched('reconcile-by-table')) {
      const table: ReconcileTableInput = {
        spec,
        specHash,
        taskId: load.id,
        inFlightMs: input.inFlightMs ?? limits.reconcileInFlightMs,
        ...(interval === undefined ? {} : { interval }),
        ...(heal === undefined ? {} : { heal }),
        ...(reRead === undefined ? {} : { reRead }),
        ...(input.windowMs === undefined ? {} : { windowMs: input.windowMs }),
      };
      reports.push(
        await executeChild(reconcileTable, {
          workflowId: `${workflowInfo().workflowId}.${load.id}`,
          args: [table],
          typedSearchAttributes: [
            { key: dagAttribute, value: spec.id },
            { key: modeAttribute, value: spec.mode },
          ],
        }),
      );
    } else {
      reports.push(
        await reconcile({ dagId: spec.id, ...chain, load, ...(interval === undefined ? {} : { interval }) }),
      );
    }
    setCurrentDetails(
      reports
        .map(
          (report) =>
            `- \`${report.table}\` ${report.status}: missing ${String(report.missing)}, extra ${String(report.extra)}, changed ${String(report.changed)}`,
        )
        .join('\n'),
    );
  }
  return reports;
}
