import { watch } from 'node:fs';
import { limits } from '../../core/limits.js';
import { listSegments, streamDirectory, type SealedSegment } from './segments.js';

/** A sealed segment with the stream that it belongs to. */
export interface StreamSegment extends SealedSegment {
  readonly stream: string;
}

/** Where a read goes on: the last sequence that was read, by stream; empty for none. */
export type InboxPosition = ReadonlyMap<string, string>;

/**
 * Sealed segments after a position, in order of arrival over all its streams; where there are none, waits until there are
 * or the time is over.
 *
 * @throws PipelineError IDENTIFIER_REFUSED
 */
export async function waitForSegments(
  inboxDirectory: string,
  position: InboxPosition,
  waitMs: number,
  signal: AbortSignal,
): Promise<readonly StreamSegment[]> {
  const directories = new Map(
    [...position.keys()].map((stream) => [stream, streamDirectory(inboxDirectory, stream)]),
  );
  const list = async (): Promise<StreamSegment[]> => {
    const found: StreamSegment[] = [];
    for (const [stream, directory] of directories) {
      const after = position.get(stream) ?? '';
      for (const segment of (await listSegments(directory)).sealed)
        if (segment.sequence > after) found.push({ ...segment, stream });
    }
    return found.sort((a, b) => (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : 0));
  };
  const deadline = performance.now() + waitMs;
  let found = await list();
  if (found.length > 0 || waitMs <= 0) return found;
  let wake: () => void = () => undefined;
  // The folders' change wakes at once; the poll covers file systems that tell of no change.
  const watchers = [...directories.values()].map((directory) => watch(directory, () => wake()));
  for (const watcher of watchers) watcher.on('error', () => undefined);
  const onAbort = () => wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (found.length === 0 && performance.now() < deadline) {
      signal.throwIfAborted();
      const pauseMs = Math.min(limits.inboxPollEveryMs, Math.max(1, deadline - performance.now()));
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      signal.throwIfAborted();
      found = await list();
    }
    return found;
  } finally {
    for (const watcher of watchers) watcher.close();
    signal.removeEventListener('abort', onAbort);
  }
}
