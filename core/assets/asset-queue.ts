import { conditionUris, isSatisfied, type AssetCondition } from './asset-condition.js';
import { fitEvents, runBatch, type AssetBatch, type AssetEvent } from './asset-event.js';
import { limits } from '../limits.js';

/** What the queue of a DAG knows, as it is carried from one execution of its workflow to the next. */
export interface AssetQueueState {
  readonly condition: AssetCondition;
  /** Events that no run has been started for, oldest first. */
  readonly queued: readonly AssetEvent[];
  /** Further events of the same assets that did not fit. */
  readonly omitted: number;
  /** Ids of events that came already. */
  readonly seen: readonly string[];
  /** Runs to start, in order. */
  readonly pending: readonly AssetBatch[];
  /** The last events, whether a run was started for them or not. */
  readonly recent: readonly AssetEvent[];
  readonly isPaused: boolean;
  readonly startedRuns: number;
  readonly lastRun?: string;
}

/** What a queue answers to people. */
export type AssetQueueView = Omit<AssetQueueState, 'seen'>;

/** Names by which those who cannot import workflows know the queue's workflow and its messages. */
export const assetQueueNames = {
  workflow: 'assetQueue',
  deliver: 'deliverAssetEvents',
  deploy: 'deployAssetCondition',
  stop: 'stop',
  pause: 'pause',
  resume: 'resume',
  view: 'assetQueueView',
} as const;

/** Input of the `assetQueue` workflow. */
export interface AssetQueueInput {
  readonly dagId: string;
  readonly state?: AssetQueueState;
  /** Events in its history after which it continues as new. Default: `limits.historyMaxEvents`. */
  readonly historyMaxEvents?: number;
}

/**
 * Events of assets that wait for the run of one DAG. It decides only: every delivery is looked at once, and as soon as the
 * condition holds, everything in the queue becomes one run. An event that comes again changes nothing.
 */
export class AssetQueue {
  #condition: AssetCondition;
  #queued: readonly AssetEvent[];
  #omitted: number;
  #seen: Set<string>;
  #pending: readonly AssetBatch[];
  #recent: readonly AssetEvent[];
  #isPaused: boolean;
  #startedRuns: number;
  #lastRun: string | undefined;
  #starting: AssetBatch | undefined;

  constructor(state: AssetQueueState) {
    this.#condition = state.condition;
    this.#queued = state.queued;
    this.#omitted = state.omitted;
    this.#seen = new Set(state.seen);
    this.#pending = state.pending;
    this.#recent = state.recent;
    this.#isPaused = state.isPaused;
    this.#startedRuns = state.startedRuns;
    this.#lastRun = state.lastRun;
  }

  get state(): AssetQueueState {
    return { ...this.view, seen: [...this.#seen] };
  }

  get view(): AssetQueueView {
    return {
      condition: this.#condition,
      queued: this.#queued,
      omitted: this.#omitted,
      pending: this.#pending,
      recent: this.#recent,
      isPaused: this.#isPaused,
      startedRuns: this.#startedRuns,
      ...(this.#lastRun === undefined ? {} : { lastRun: this.#lastRun }),
    };
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether there is a run to start. */
  get isReady(): boolean {
    return !this.#isPaused && this.#pending.length > 0;
  }

  /** The run to start next; it is `started` or `putBack` afterwards. */
  begin(): AssetBatch | undefined {
    this.#starting = this.isReady ? this.#pending[0] : undefined;
    return this.#starting;
  }

  /** Takes the events of one success; they are looked at together. */
  deliver(events: readonly AssetEvent[]): void {
    const wanted = new Set(conditionUris(this.#condition));
    const fresh = events.filter(({ id, uri }) => wanted.has(uri) && !this.#seen.has(id));
    if (fresh.length === 0) return;
    for (const { id } of fresh) this.#seen.add(id);
    for (const id of this.#seen) {
      if (this.#seen.size <= limits.assetRememberedIds) break;
      this.#seen.delete(id);
    }
    this.#recent = [...this.#recent, ...fresh].slice(-limits.assetRecentEvents);
    this.#enqueue([...this.#queued, ...fresh]);
    this.#decide();
  }

  /** Goes on with another condition; events of assets that it does not name are dropped. */
  deploy(condition: AssetCondition): void {
    const wanted = new Set(conditionUris(condition));
    this.#condition = condition;
    this.#queued = this.#queued.filter(({ uri }) => wanted.has(uri));
    this.#decide();
  }

  /** Starts no run; what no run has been asked for goes back into the queue, and becomes one run later. */
  pause(): void {
    this.#isPaused = true;
    const waiting = this.#pending.filter((batch) => batch !== this.#starting);
    this.#pending = this.#pending.filter((batch) => batch === this.#starting);
    this.#omitted += waiting.reduce((sum, batch) => sum + batch.omitted, 0);
    this.#enqueue([...waiting.flatMap(({ events }) => events), ...this.#queued]);
  }

  resume(): void {
    this.#isPaused = false;
    this.#decide();
  }

  /** The run could not be started, because the DAG is paused. */
  putBack(): void {
    this.#starting = undefined;
    this.pause();
  }

  /** The run has been started. */
  started(workflowId: string): void {
    this.#pending = this.#pending.filter((batch) => batch !== this.#starting);
    this.#starting = undefined;
    this.#startedRuns += 1;
    this.#lastRun = workflowId;
    this.#decide();
  }

  #enqueue(events: readonly AssetEvent[]): void {
    const fitted = fitEvents(events, limits.assetQueueMaxEvents, limits.assetQueueMaxBytes);
    this.#queued = fitted.events;
    this.#omitted += fitted.omitted;
  }

  #decide(): void {
    if (this.#isPaused || this.#pending.length >= limits.assetPendingRuns) return;
    if (!isSatisfied(this.#condition, new Set(this.#queued.map(({ uri }) => uri)))) return;
    this.#pending = [...this.#pending, runBatch({ events: this.#queued, omitted: this.#omitted })];
    this.#queued = [];
    this.#omitted = 0;
  }
}

/** A queue that nothing has come to yet. */
export function newAssetQueue(condition: AssetCondition): AssetQueueState {
  return {
    condition,
    queued: [],
    omitted: 0,
    seen: [],
    pending: [],
    recent: [],
    isPaused: false,
    startedRuns: 0,
  };
}
