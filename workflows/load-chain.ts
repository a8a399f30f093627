import type { ReconcileRequest } from '../core/reconcile/reconcile.js';
import type {
  CheckTask,
  DagSpec,
  LoadTask,
  TaskSpec,
  TransformTask,
  ValidateTask,
} from '../core/dag/dag-spec.js';

/** The extract, validate, transform and check tasks that feed a load. */
export function chainOf(
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
    if (task.kind === 'transform') transforms.unshift(inWorker(task));
    if (task.kind === 'check') transforms.unshift(task);
    if (task.kind === 'validate') validate = task;
    task = 'input' in task ? byId.get(task.input) : undefined;
  }
  return undefined;
}

/** What is compared has to be there before any load. */
function inWorker(task: TransformTask): TransformTask {
  const { runIn: _place, ...config } = task.config;
  return { ...task, config };
}
