import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { faultPoint } from '../fault-point.js';
import { systemErrorCode } from '../system-error.js';
import { listSegments, sequenceTimeMs, streamDirectory } from './segments.js';

/** What stays of a stream, and what went. */
export interface StreamPrune {
  /** Segments that are sealed and stay. */
  readonly segments: number;
  readonly bytes: number;
  /** When the oldest of them was begun, ISO 8601 UTC. */
  readonly oldestAt?: string;
  /** Why they stay: not read by every reader, not past the retention, or the newest one of the stream. */
  readonly unread: number;
  readonly young: number;
  readonly newest: number;
  readonly removedSegments: number;
  readonly removedBytes: number;
}

export interface PruneStreamOptions {
  readonly inboxDirectory: string;
  readonly stream: string;
  /** The last sequence that every reader has read; empty for none. */
  readonly readThrough: string;
  /** Segments that were begun later stay. */
  readonly beforeMs: number;
  readonly signal?: AbortSignal;
}

/** The streams that an inbox has folders of, by name. */
export async function listStreams(inboxDirectory: string): Promise<readonly string[]> {
  const namesIn = async (folder: string): Promise<string[]> => {
    try {
      const entries = await readdir(join(inboxDirectory, folder), { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw error;
    }
  };
  const streams = (await namesIn('.')).includes('segment') ? ['segment'] : [];
  for (const kind of ['push', 'webhooks'])
    for (const name of await namesIn(kind)) streams.push(`${kind}/${name}`);
  return streams.sort();
}

/**
 * Removes sealed segments of a stream that every reader has read and that are past the retention, the oldest first, so that
 * what a killed process leaves is a suffix and the next round goes on. An open segment stays, and so does the newest sealed
 * one: the sequences of the stream go on from it, also when the clock of the machine is set back.
 *
 * @throws PipelineError IDENTIFIER_REFUSED
 */
export async function pruneStream(options: PruneStreamOptions): Promise<StreamPrune> {
  const { sealed } = await listSegments(streamDirectory(options.inboxDirectory, options.stream));
  const report = {
    segments: 0,
    bytes: 0,
    unread: 0,
    young: 0,
    newest: 0,
    removedSegments: 0,
    removedBytes: 0,
  };
  let oldest: string | undefined;
  for (const [index, { sequence, path }] of sealed.entries()) {
    if (options.signal?.aborted === true) break;
    const size = await sizeOf(path);
    if (size === undefined) continue;
    const reason =
      sequence > options.readThrough
        ? 'unread'
        : sequenceTimeMs(sequence) >= options.beforeMs
          ? 'young'
          : index === sealed.length - 1
            ? 'newest'
            : undefined;
    if (reason === undefined) {
      await rm(path, { force: true });
      faultPoint('inbox-pruned');
      report.removedSegments += 1;
      report.removedBytes += size;
      continue;
    }
    oldest ??= sequence;
    report[reason] += 1;
    report.segments += 1;
    report.bytes += size;
  }
  return {
    ...report,
    ...(oldest === undefined ? {} : { oldestAt: new Date(sequenceTimeMs(oldest)).toISOString() }),
  };
}

/** Undefined where another process has removed the file. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
