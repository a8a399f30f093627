import type { StagingStore } from '../staging.js';

export interface PruneOptions {
  readonly staging: Pick<StagingStore, 'entries' | 'remove'>;
  /** Files that were used since then stay. */
  readonly beforeMs: number;
  /** Files that stay however old they are, by hash of their content. */
  readonly needed: ReadonlySet<string>;
  /** Count only. */
  readonly isDryRun: boolean;
  readonly signal?: AbortSignal;
  /** Called for each file that is to go; the round ends where it returns false. */
  keepGoing?(): Promise<boolean>;
}

export interface PruneReport {
  /** Files that the store listed. */
  readonly files: number;
  readonly removedFiles: number;
  readonly removedBytes: number;
  /** Files past the retention that the warehouse would be made again from. */
  readonly neededFiles: number;
}

/** Removes staged files that were last used before a time. One that is used meanwhile stays. */
export async function pruneStaging(options: PruneOptions): Promise<PruneReport> {
  const report = { files: 0, removedFiles: 0, removedBytes: 0, neededFiles: 0 };
  for await (const entry of options.staging.entries()) {
    if (options.signal?.aborted === true) break;
    report.files += 1;
    if (entry.usedAtMs >= options.beforeMs) continue;
    if (options.needed.has(entry.sha256)) {
      report.neededFiles += 1;
      continue;
    }
    if ((await options.keepGoing?.()) === false) break;
    if (!options.isDryRun && !(await options.staging.remove(entry))) continue;
    report.removedFiles += 1;
    report.removedBytes += entry.bytes;
  }
  return report;
}
