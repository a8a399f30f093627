import { dagDefaults } from './dag-defaults.js';
import type { TaskFunctions } from './dag-definition.js';
import type { After, Edge } from './edge.js';
import { slotSpec } from './read-slots.js';
import type { SpecDraft } from './spec-draft.js';
import type { TaskOptions } from './task-options.js';
import type { CallbackSpec, EmptyTask } from './task-spec.js';

/** What every kind of task has in a spec. */
export type TaskBase = Omit<EmptyTask, 'kind'>;

/** References to an element of a mapped group are no upstream tasks. */
export function isElement(taskId: string): boolean {
  return taskId.startsWith('$');
}

/** Reads the settings that every kind of task has, and collects the callbacks that come with them. */
export function readTaskBase(
  draft: SpecDraft,
  group: string | undefined,
  id: string,
  options: TaskOptions,
  inputs: readonly Edge<unknown>[],
): TaskBase {
  const at = `task "${id}"`;
  const teardownSetups = options.teardown === undefined || options.teardown === true ? [] : options.teardown;
  const upstream: After[] = [...inputs, ...teardownSetups, ...(options.after ?? [])];
  return {
    id,
    ...(options.description === undefined ? {} : { description: options.description }),
    upstream: [...new Set(upstream.flatMap((after) => draft.tasksBehind(after)))].filter(
      (taskId) => !isElement(taskId),
    ),
    triggerRule: options.triggerRule ?? 'all_success',
    retry: readRetry(draft, at, options),
    timeouts: {
      startToCloseMs: draft.duration(options.timeout ?? dagDefaults.timeoutMs, `${at}: timeout`),
      scheduleToCloseMs: draft.duration(options.deadline ?? dagDefaults.deadlineMs, `${at}: deadline`),
      heartbeatMs: dagDefaults.heartbeatMs,
    },
    ...(group === undefined ? {} : { group }),
    ...(options.setup === undefined ? {} : { setup: options.setup }),
    ...(options.teardown === undefined
      ? {}
      : {
          teardown: {
            setups: teardownSetups.map((edge) => edge.taskId),
            failsRun: options.onFailureFailDagRun ?? false,
          },
        }),
    ...slotSpec(id, options, draft.problems),
    ...readCallbacks(draft, id, options),
    ...(options.outlets === undefined ? {} : { outlets: draft.assets.uris(options.outlets) }),
    ...(options.inlets === undefined ? {} : { inlets: draft.assets.uris(options.inlets) }),
  };
}

/** Callbacks and deadlines: what there is goes into the spec, the functions beside it. */
function readCallbacks(
  draft: SpecDraft,
  id: string,
  options: TaskOptions,
): Pick<TaskBase, 'callbacks' | 'deadlines'> {
  const callbacks = callbacksOf(options);
  const { deadlines = [] } = options;
  const spec = {
    ...(callbacks === undefined ? {} : { callbacks: callbacks.spec }),
    ...(deadlines.length === 0
      ? {}
      : {
          deadlines: deadlines.map(({ after }) => ({
            reference: { kind: 'queued-at' as const },
            intervalMs: draft.duration(after, `task "${id}": deadlines.after`),
          })),
        }),
  };
  if (Object.keys(spec).length > 0) {
    draft.addFunctions(id, {
      ...(callbacks === undefined ? {} : { callbacks: callbacks.functions }),
      ...(deadlines.length === 0 ? {} : { deadlines: deadlines.map(({ run }) => run) }),
    });
  }
  return spec;
}

function readRetry(draft: SpecDraft, at: string, options: TaskOptions): TaskBase['retry'] {
  return {
    maximumAttempts: (options.retries ?? dagDefaults.retries) + 1,
    initialIntervalMs: draft.duration(options.retryDelay ?? dagDefaults.retryDelayMs, `${at}: retryDelay`),
    backoffCoefficient: options.retryBackoff ?? dagDefaults.retryBackoff,
    maximumIntervalMs: draft.duration(
      options.maxRetryDelay ?? dagDefaults.maxRetryDelayMs,
      `${at}: maxRetryDelay`,
    ),
    jitter: options.retryJitter ?? dagDefaults.retryJitter,
  };
}

/** The callbacks of a task or DAG: which there are, and the functions. */
export function callbacksOf(
  options: Pick<TaskOptions, 'onSuccess' | 'onFailure' | 'onRetry' | 'onSkipped'>,
): { spec: CallbackSpec; functions: NonNullable<TaskFunctions['callbacks']> } | undefined {
  const { onSuccess, onFailure, onRetry, onSkipped } = options;
  const functions = {
    ...(onSuccess === undefined ? {} : { success: onSuccess }),
    ...(onFailure === undefined ? {} : { failure: onFailure }),
    ...(onRetry === undefined ? {} : { retry: onRetry }),
    ...(onSkipped === undefined ? {} : { skipped: onSkipped }),
  };
  const names = Object.keys(functions);
  if (names.length === 0) return undefined;
  return { spec: Object.fromEntries(names.map((name) => [name, true])), functions };
}
