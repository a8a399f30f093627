import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { Activities, ReconcileReport, ReconcileRequest } from '../core/activities.js';
import type {
  CheckTask,
  DagSpec,
  LoadTask,
  TaskSpec,
  TransformTask,
  ValidateTask,
} from '../core/dag-spec.js';
import type { ReconcileInput } from './messages.js';

const { reconcile } = proxyActivities<Pick<Activities, 'reconcile'>>({
  startToCloseTimeout: '6h',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '100s', maximumAttempts: 6 },
  summary: 'compare source and warehouse',
});

/** Compares every table that a DAG loads with its source, one after another, and reports what differs. */
export async function reconcileDag({ spec, interval }: ReconcileInput): Promise<ReconcileReport[]> {
  const reports: ReconcileReport[] = [];
  for (const load of spec.tasks) {
    if (load.kind !== 'load') continue;
    const chain = chainOf(spec, load);
    if (chain === undefined) continue;
    reports.push(
      await reconcile({ dagId: spec.id, ...chain, load, ...(interval === undefined ? {} : { interval }) }),
    );
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

/** The extract, validate and transform tasks that feed a load. */
function chainOf(
  spec: DagSpec,
  load: LoadTask,
): Pick<ReconcileRequest, 'extract' | 'validate' | 'transforms'> | undefined {
  const byId = new Map<string, TaskSpec>(spec.tasks.map((task) => [task.id, task]));
  const transforms: (TransformTask | CheckTask)[] = [];
  let validate: ValidateTask | undefined;
  let task = byId.get(load.input);
  while (task !== undefined) {
    if (task.kind === 'extract')
      return { extract: task, transforms, ...(validate === undefined ? {} : { validate }) };
    if (task.kind === 'transform' || task.kind === 'check') transforms.unshift(task);
    if (task.kind === 'validate') validate = task;
    task = 'input' in task ? byId.get(task.input) : undefined;
  }
  return undefined;
}
