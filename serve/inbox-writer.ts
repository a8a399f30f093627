import { mkdir } from 'node:fs/promises';
import type { Logger } from 'pino';
import { streamDirectory } from '../connectors/inbox/segments.js';
import { systemErrorCode } from '../connectors/system-error.js';
import { PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import { createDiskRoom } from './disk-room.js';
import { lockInbox } from './inbox-lock.js';
import { recoverSegments } from './recover-segments.js';
import type { SegmentDisk } from './segment-file.js';
import { StreamWriter } from './stream-writer.js';

/** Bounds of an inbox; each has its default in `core/limits.ts`. */
export interface InboxBounds {
  readonly segmentMaxBytes?: number;
  readonly segmentMaxAgeMs?: number;
  readonly maxWaiting?: number;
  readonly minFreeBytes?: number;
}

export interface InboxWriterOptions {
  readonly directory: string;
  /** `segment`, `webhooks/<source>`: all streams that lines may be appended to. */
  readonly streams: readonly string[];
  readonly logger: Logger;
  readonly bounds?: InboxBounds;
  readonly now?: () => number;
  readonly disk?: SegmentDisk;
}

/** The durable log between the outside and the pipeline. */
export interface InboxWriter {
  /**
   * Resolves when the line is on the disk. The line ends with its only line feed.
   * @throws PipelineError GATEWAY_UNAVAILABLE when the disk refuses or too many lines wait; the line may be sent again.
   */
  append(stream: string, line: Uint8Array): Promise<void>;
  /** Proves that the inbox can take events. @throws PipelineError GATEWAY_UNAVAILABLE */
  check(): Promise<{ readonly freeBytes: number }>;
  /** Writes what waits, seals all segments and releases the folder. */
  close(): Promise<void>;
}

/**
 * Opens an inbox: takes its lock, seals what a dead process left open, and continues its sequences.
 *
 * @throws PipelineError INBOX_LOCKED, IDENTIFIER_REFUSED
 */
export async function openInbox(options: InboxWriterOptions): Promise<InboxWriter> {
  const { directory, logger, bounds = {}, now = Date.now } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const unlock = await lockInbox(directory);
  try {
    const writers = new Map<string, StreamWriter>();
    for (const stream of options.streams) writers.set(stream, await openStream(stream, options));
    const room = createDiskRoom(
      directory,
      bounds.minFreeBytes ?? limits.inboxMinFreeBytes,
      limits.inboxDiskCheckEveryMs,
      now,
    );
    await room.freeBytes();
    let waiting = 0;
    const maxWaiting = bounds.maxWaiting ?? limits.gatewayMaxWaiting;
    return {
      async append(stream, line) {
        const writer = writers.get(stream);
        if (writer === undefined)
          throw new PipelineError('INTERNAL', { where: 'inbox', reason: 'unknown stream' });
        if (!room.hasRoom()) throw unavailable('the disk is full');
        if (waiting >= maxWaiting) throw unavailable(`${String(maxWaiting)} requests wait for the disk`);
        waiting += 1;
        try {
          await writer.append(line);
        } catch (error) {
          throw unavailable(`the disk refused (${systemErrorCode(error) ?? 'unknown'})`, error);
        } finally {
          waiting -= 1;
        }
      },
      async check() {
        const freeBytes = await room.freeBytes().catch((error: unknown) => {
          throw unavailable(`the inbox cannot be looked up (${systemErrorCode(error) ?? 'unknown'})`, error);
        });
        if (!room.hasRoom()) throw unavailable('the disk is full');
        return { freeBytes };
      },
      async close() {
        await Promise.all([...writers.values()].map((writer) => writer.close()));
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }

  async function openStream(stream: string, { disk }: InboxWriterOptions): Promise<StreamWriter> {
    const folder = streamDirectory(directory, stream);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { lastSequence, sealed, cutBytes } = await recoverSegments(folder);
    if (sealed > 0) logger.warn({ stream, sealed, cutBytes }, 'inbox: sealed what a dead gateway left open');
    return new StreamWriter({
      directory: folder,
      lastSequence,
      segmentMaxBytes: bounds.segmentMaxBytes ?? limits.inboxSegmentMaxBytes,
      segmentMaxAgeMs: bounds.segmentMaxAgeMs ?? limits.inboxSegmentMaxAgeMs,
      now,
      ...(disk !== undefined && { disk }),
      onFailure: (error) =>
        logger.error({ stream, code: systemErrorCode(error) ?? 'unknown' }, 'inbox: the disk refused'),
    });
  }
}

function unavailable(reason: string, cause?: unknown): PipelineError {
  return new PipelineError(
    'GATEWAY_UNAVAILABLE',
    { reason },
    { cause, retryAfterMs: limits.gatewayRetryAfterMs },
  );
}
