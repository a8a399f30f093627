import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { EndedRun, WatchState } from '../core/schedule/schedule-watch.js';
import type { PinnedSpec } from './messages.js';

/** Input of the `watchDag` workflow. */
export interface WatchInput extends PinnedSpec {
  /** Fire times from here on are looked at, ISO 8601 UTC. */
  readonly since: string;
  /** Carried over when the workflow continues as new, with a deploy that waits until the past has been looked at. */
  readonly carried?: WatchState;
  readonly deployed?: PinnedSpec;
}

/** Input of the `continuousDag` workflow. */
export interface ContinuousInput extends PinnedSpec {
  /** End of the last data interval, or where the first one starts, ISO 8601 UTC. */
  readonly since: string;
  readonly carried?: { readonly isPaused: boolean; readonly runs: number };
}

/** Progress of a continuous DAG. */
export interface ContinuousStats {
  readonly state: 'running' | 'paused' | 'waiting' | 'stopped';
  readonly runs: number;
  readonly since: string;
}

/** A watch looks again now. */
export const lookSignal = defineSignal('look');
/** A pause began or ended; times are ISO 8601 UTC. */
export const pausedSignal = defineSignal<[{ from: string; reason: string }]>('paused');
export const resumedSignal = defineSignal<[{ from: string; to: string; reason: string }]>('resumed');
/** A scheduled run has ended. */
export const runEndedSignal = defineSignal<[EndedRun]>('runEnded');
/** A backfill was started for a gap. */
export const gapBackfillSignal = defineSignal<[{ gapId: string; backfillId: string }]>('gapBackfill');

export const watchStateQuery = defineQuery<WatchState>('watch');
export const continuousStatsQuery = defineQuery<ContinuousStats>('continuous');
