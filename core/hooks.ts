import type { AlarmNotice } from './alarms.js';
import type { JsonObject } from './json.js';
import type { RunRecord } from './run/ledger.js';

/** What a hook can be told of. */
export const hookEventTypes = ['run.ended', 'run.failed', 'alarm.raised', 'alarm.recovered'] as const;
export type HookEventType = (typeof hookEventTypes)[number];

/** Something that happened, for the hooks that want to be told of it. */
export interface HookEvent {
  readonly type: HookEventType;
  /** What happened, by identity: told again, it is the same event. */
  readonly key: string;
  readonly dagId: string;
  /** ISO 8601 UTC. */
  readonly at: string;
  readonly data: JsonObject;
}

/** A subscription of a platform. The address itself is a secret of the platform, and shows nowhere. */
export interface Hook {
  readonly id: string;
  /** The caller of the API that made it; it is told of the DAGs of this caller only. */
  readonly caller: string;
  readonly event: HookEventType;
  /** Only of this DAG. */
  readonly dagId?: string;
  readonly targetOrigin: string;
  readonly createdAt: string;
  /** Events that wait for it. */
  readonly waiting: number;
  /** Tries in a row that failed, and why the last one did. */
  readonly failures: number;
  readonly lastProblem?: string;
}

/** The events that the end of a run is. */
export function eventsOfRun(run: RunRecord): HookEvent[] {
  const { workflowId, runId, dagId, state, startedAt, endedAt = startedAt } = run;
  const types: HookEventType[] = state === 'failed' ? ['run.ended', 'run.failed'] : ['run.ended'];
  const data = endedRunView(run);
  return types.map((type) => ({ type, key: `${workflowId}/${runId}`, dagId, at: endedAt, data }));
}

/** The event that a notice is. */
export function eventOfNotice({ id, state, alarm, at }: AlarmNotice): HookEvent {
  const data = { ...alarm } satisfies JsonObject;
  return { type: `alarm.${state}`, key: id, dagId: alarm.dagId, at, data };
}

/** What a platform sees of a run that ended: no params, which may be personal. */
export function endedRunView(run: RunRecord) {
  const { workflowId, runId, dagId, runType, state, startedAt, endedAt, interval, counts, triggeredBy } = run;
  return {
    id: `${workflowId}/${runId}`,
    dagId,
    workflowId,
    runType,
    state,
    startedAt,
    ...(endedAt !== undefined && { endedAt }),
    ...(interval && { interval: { ...interval } }),
    ...(counts && { counts: { ...counts } }),
    ...(triggeredBy !== undefined && { triggeredBy }),
  } satisfies JsonObject;
}
