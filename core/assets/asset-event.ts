import type { DataInterval } from '../interval.js';
import { canonicalJson, type JsonObject } from '../json.js';
import { limits } from '../limits.js';
import type { TaskOutput } from '../run/task-output.js';

/** One update of an asset. */
export interface AssetEvent {
  /** The same for every delivery of the same update. */
  readonly id: string;
  readonly uri: string;
  /** When it was told of, ISO 8601 UTC. */
  readonly at: string;
  /** The task that succeeded; absent where a person or another program told of the update. */
  readonly source?: AssetEventSource;
  /** Details that the task attached; a load attaches its counts. */
  readonly extra: JsonObject;
  /** Its details did not fit into the run. */
  readonly isExtraOmitted?: true;
}

export interface AssetEventSource {
  readonly dagId: string;
  readonly taskId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly mapIndex?: number;
  /** Data interval of the run. */
  readonly interval?: DataInterval;
}

/** Events that one run was started by. */
export interface AssetBatch {
  /** Oldest first. */
  readonly events: readonly AssetEvent[];
  /** Further events that it stands for, which did not fit. */
  readonly omitted: number;
}

/** Where past events are read from. */
export interface AssetEventReader {
  /** Newest first. */
  recent(uri: string, limit: number): Promise<readonly AssetEvent[]>;
}

/** A result of a function task together with the details that it attached to its outlets. */
export interface EmittedOutput {
  readonly $emitted: Readonly<Record<string, JsonObject>>;
  readonly $output: TaskOutput;
}

/** Takes a result and the details of its outlets apart. */
export function takeEmitted(result: TaskOutput | EmittedOutput): {
  readonly output: TaskOutput;
  readonly emitted: Readonly<Record<string, JsonObject>>;
} {
  if (typeof result === 'object' && result !== null && '$emitted' in result && '$output' in result) {
    const { $emitted, $output } = result as EmittedOutput;
    return { output: $output, emitted: $emitted };
  }
  return { output: result, emitted: {} };
}

/**
 * Of these events, oldest first, what fits: the newest of every asset first, then the second newest, and so on. Details
 * are left out before an event is.
 */
export function fitEvents(
  events: readonly AssetEvent[],
  maxEvents: number,
  maxBytes: number,
): { readonly events: readonly AssetEvent[]; readonly omitted: number } {
  const seen = new Map<string, number>();
  const ranked = events
    .map((event, index) => ({ event, index }))
    .reverse()
    .map(({ event, index }) => {
      const rank = seen.get(event.uri) ?? 0;
      seen.set(event.uri, rank + 1);
      return { event, index, rank };
    })
    .sort((a, b) => a.rank - b.rank || b.index - a.index);
  const kept: { event: AssetEvent; index: number }[] = [];
  let bytes = 0;
  for (const { event, index } of ranked) {
    if (kept.length === maxEvents) break;
    const fitting = [event, withoutExtra(event)].find((one) => bytes + sizeOf(one) <= maxBytes);
    if (fitting === undefined) continue;
    bytes += sizeOf(fitting);
    kept.push({ event: fitting, index });
  }
  return {
    events: kept.sort((a, b) => a.index - b.index).map(({ event }) => event),
    omitted: events.length - kept.length,
  };
}

/** The events that a run is told of, bounded because they travel to each of its tasks. */
export function runBatch({ events, omitted }: AssetBatch): AssetBatch {
  const fitted = fitEvents(events, limits.assetEventsPerRun, limits.assetEventsMaxBytes);
  return { events: fitted.events, omitted: omitted + fitted.omitted };
}

function withoutExtra(event: AssetEvent): AssetEvent {
  return Object.keys(event.extra).length === 0 ? event : { ...event, extra: {}, isExtraOmitted: true };
}

const sizes = new WeakMap<AssetEvent, number>();

/** Bytes of an event as JSON. A queue asks for the same events with each delivery, so an answer is kept. */
function sizeOf(event: AssetEvent): number {
  const known = sizes.get(event) ?? new TextEncoder().encode(canonicalJson(event)).length;
  sizes.set(event, known);
  return known;
}

/** Events for people, as what started a run: `x:orders ← shop/load {"rows":3}`, or `← told` where no task did. */
export function batchText({ events, omitted }: AssetBatch): string {
  const lines = events.map(({ uri, source, extra }) => {
    const instance = source?.mapIndex === undefined ? '' : `[${String(source.mapIndex)}]`;
    const from = source === undefined ? 'told' : `${source.dagId}/${source.taskId}${instance}`;
    return `${uri} ← ${from}${Object.keys(extra).length === 0 ? '' : ` ${canonicalJson(extra)}`}`;
  });
  return [...lines, ...(omitted === 0 ? [] : [`${String(omitted)} earlier events`])].join('; ');
}
