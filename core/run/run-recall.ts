import { limits } from '../limits.js';
import type { RunInput } from './run.js';
import type { Rerun, SnapshotEntry } from './run-snapshot.js';

/** What an execution of a run tells of itself, also when it has ended. */
export interface RunRecall {
  readonly input: Omit<RunInput, 'snapshot' | 'carried' | 'rerun'>;
  /** False where it had not yet taken over what a former execution, `former`, had done. */
  readonly hasBegun: boolean;
  readonly former?: Rerun;
  /** Tries that tasks had before this execution. */
  readonly tries: Readonly<Record<string, number>>;
}

/** Some of the entries that an execution would hand to its next one. */
export interface RecallPage {
  readonly entries: readonly SnapshotEntry[];
  /** Index of the first entry of the next page. */
  readonly next?: number;
}

/** Entries from an index on, as many as fit into a payload; at least one. */
export function recallPage(entries: readonly SnapshotEntry[], from: number): RecallPage {
  let bytes = 0;
  let end = from;
  for (; end < entries.length; end += 1) {
    bytes += JSON.stringify(entries[end]).length;
    if (bytes > limits.recallPageMaxBytes && end > from) break;
  }
  return { entries: entries.slice(from, end), ...(end < entries.length ? { next: end } : {}) };
}
