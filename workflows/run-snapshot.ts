import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../core/activities.js';
import { limits } from '../core/limits.js';
import type { StagedFile } from '../core/loading/manifest.js';
import type { RunSnapshot, SnapshotEntry } from '../core/run/run-snapshot.js';

const { park, readSnapshot } = proxyActivities<Pick<Activities, 'park' | 'readSnapshot'>>({
  startToCloseTimeout: '2m',
  summary: 'keep what the run has done',
});

/** A snapshot of any size: entries that do not fit into a payload are parked in the staging store, a file each time. */
export async function makeSnapshot(entries: readonly SnapshotEntry[]): Promise<RunSnapshot> {
  const files: StagedFile[] = [];
  let batch: SnapshotEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = JSON.stringify(entry).length;
    if (bytes + size > limits.snapshotInlineMaxBytes && batch.length > 0) {
      files.push(await park({ values: batch }));
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += size;
  }
  return files.length === 0 ? { entries: batch } : { entries: batch, files };
}

/** All entries of a snapshot. */
export async function readEntries({ entries = [], files = [] }: RunSnapshot): Promise<SnapshotEntry[]> {
  const all: SnapshotEntry[] = [];
  for (const file of files) all.push(...(await readSnapshot({ file })));
  return [...all, ...entries];
}
