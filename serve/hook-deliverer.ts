import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { faultPoint } from '../connectors/fault-point.js';
import { limits } from '../core/limits.js';
import type { DueHook, HookStore, WaitingEvent } from '../ops/hook-store.js';
import type { Leases } from '../ops/leases.js';
import type { ApiCallers } from './api-callers.js';
import { sendHook } from './send-hook.js';

export interface HookDelivererOptions {
  /** Opens the operations store where needed. @throws PipelineError OPS_UNAVAILABLE */
  ops(): Promise<{ readonly hooks: HookStore; readonly leases: Leases }>;
  readonly callers: ApiCallers;
  readonly allowPrivateNetwork: boolean;
  readonly logger: Logger;
}

const lease = 'hooks';

/**
 * Tells hooks of what waits for them, until stopped. One gateway at a time does this. An event waits in the store until its
 * hook has answered 2xx, so it is told at least once, each time with the same id and the same bytes.
 */
export function startHookDeliverer(options: HookDelivererOptions): { stop(): Promise<void> } {
  const abort = new AbortController();
  const { signal } = abort;
  const rounds = (async () => {
    while (!signal.aborted) {
      try {
        await look(options, signal);
      } catch (error) {
        if (error !== signal.reason) options.logger.warn({ err: error }, 'hooks could not be told');
      }
      await setTimeout(limits.hookLookEveryMs, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      abort.abort();
      await rounds;
    },
  };
}

async function look(options: HookDelivererOptions, signal: AbortSignal): Promise<void> {
  const { hooks, leases } = await options.ops();
  // Most looks find nothing, and then write nothing.
  if ((await hooks.due(1)).length === 0) return;
  const holder = randomUUID();
  if (!(await leases.take(lease, holder, limits.hookLeaseMs))) return;
  try {
    const givenUp = await hooks.giveUpBefore(new Date(Date.now() - limits.hookGiveUpMs).toISOString());
    if (givenUp > 0) options.logger.error({ events: givenUp }, 'events for hooks are given up');
    const due = await hooks.due(limits.hookLookHooks);
    await Promise.all(due.map((hook) => tell(hook, hooks, options, signal)));
  } finally {
    await leases.release(lease, holder);
  }
}

/** Tells one hook what waits for it, one event after the other, until it fails. */
async function tell(
  hook: DueHook,
  hooks: HookStore,
  { callers, allowPrivateNetwork, logger }: HookDelivererOptions,
  signal: AbortSignal,
): Promise<void> {
  const endsAtMs = performance.now() + limits.hookLookMaxMs;
  for (const event of await hooks.waiting(hook.id, limits.hookLookEvents)) {
    if (signal.aborted || performance.now() > endsAtMs) return;
    const { id, caller } = hook;
    if (!callers.mayUse(caller, event.dagId)) {
      await hooks.settle(id, event.eventId, false);
      continue;
    }
    // Read for each event, since a hook may have been removed meanwhile.
    const target = await hooks.target(id);
    if (target === undefined) return;
    const answer = await sendHook({ ...target, ...event, allowPrivateNetwork, signal });
    faultPoint('hook-sent');
    if (answer.isTaken) {
      await hooks.settle(id, event.eventId, true);
      continue;
    }
    if (answer.status === 410) {
      await hooks.remove(id);
      logger.info({ hook: id, caller }, 'a hook is removed: its address answered 410');
      return;
    }
    logger.warn({ hook: id, caller, event: event.eventId, problem: answer.problem }, 'a hook was not told');
    await hooks.postpone(id, event.eventId, {
      ...waits(hook, event, answer.retryAfterMs),
      problem: answer.problem,
    });
    return;
  }
}

/** When an event that failed, and its hook, have their next turn: each wait doubles, and is no shorter than asked for. */
function waits({ failures }: DueHook, { attempts }: WaitingEvent, askedMs: number | undefined) {
  const doubled = (count: number, maxMs: number) => {
    const waitMs = limits.hookRetryMinMs * 2 ** Math.min(count, 20);
    return new Date(Date.now() + Math.min(Math.max(waitMs, askedMs ?? 0), maxMs)).toISOString();
  };
  return {
    eventAt: doubled(attempts, limits.hookRetryMaxMs),
    hookAt: doubled(failures, limits.hookPauseMaxMs),
  };
}
