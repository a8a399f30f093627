import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { JsonValue } from '../../core/json.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { SourceEnvironment } from '../registry.js';
import type { ReadRequest, Source, SourceBatch } from '../source.js';
import { deliveryRows, deliveryShapes, type DeliveryShape } from './delivery-rows.js';
import { segmentEvents } from './segment-events.js';
import { listSegments, streamDirectory, type SealedSegment } from './segments.js';

/**
 * What the gateway received, segment by segment. The cursor is the sequence of the last segment that was read; with a
 * wait it is a real-time source, which returns as soon as a segment is sealed and takes a bounded number of bytes.
 */
export function createSource({ dataDirectory }: SourceEnvironment): Source {
  const inboxDirectory = join(dataDirectory, 'inbox');
  return {
    name: 'inbox',
    async *read(request, { signal, heartbeat }) {
      const directory = streamDirectory(inboxDirectory, request.stream);
      const from = typeof request.cursor === 'string' ? request.cursor : '';
      const found = await waitForSegments(directory, from, request.waitMs, signal);
      let bytes = 0;
      for (const segment of found) {
        signal.throwIfAborted();
        heartbeat();
        const batch = await readSegment(segment, request);
        bytes += batch.bytes?.length ?? 0;
        yield batch;
        if (request.waitMs > 0 && bytes >= limits.inboxDrainMaxBytes) return;
      }
    },
    async reshape(lines, { options }) {
      const shape = shapeOf(options);
      return shape === undefined ? undefined : { kind: 'rows', ...(await deliveryRows(lines, shape)) };
    },
    async test() {
      const streams = await Promise.all(
        ['segment'].map(
          async (stream) =>
            `${stream}: ${String((await listSegments(streamDirectory(inboxDirectory, stream))).sealed.length)} segments`,
        ),
      );
      return { detail: streams.join(', ') };
    },
  };
}

/** @throws PipelineError CONFIG_INVALID */
function shapeOf({ shape }: ReadRequest['options']): DeliveryShape | undefined {
  if (shape === undefined) return undefined;
  const known = deliveryShapes.find((name) => name === shape);
  if (known !== undefined) return known;
  throw new PipelineError('CONFIG_INVALID', {
    problems: [`option "shape" of an inbox stream must be one of ${deliveryShapes.join(', ')}`],
  });
}

/** @throws PipelineError INBOX_CORRUPT, CONFIG_INVALID */
async function readSegment(segment: SealedSegment, { stream, options }: ReadRequest): Promise<SourceBatch> {
  const content = await readFile(segment.path);
  if (createHash('sha256').update(content).digest('hex') !== segment.sha256) {
    throw new PipelineError('INBOX_CORRUPT', { segment: `${stream}/${segment.sequence}` });
  }
  const cursor: JsonValue = segment.sequence;
  const shape = shapeOf(options);
  if (shape !== undefined && stream !== 'segment')
    return { kind: 'rows', ...(await deliveryRows(content, shape)), cursor };
  if (stream !== 'segment') return { kind: 'rows', bytes: content, rowCount: countLines(content), cursor };
  const { bytes, rowCount } = segmentEvents(content);
  return { kind: 'rows', bytes, rowCount, cursor };
}

/** Sealed segments after a sequence; where there are none, waits until there are or the time is over. */
async function waitForSegments(
  directory: string,
  after: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<readonly SealedSegment[]> {
  const list = async () => (await listSegments(directory)).sealed.filter(({ sequence }) => sequence > after);
  const deadline = performance.now() + waitMs;
  let found = await list();
  if (found.length > 0 || waitMs <= 0) return found;
  let wake: () => void = () => undefined;
  // The folder's change wakes at once; the poll covers file systems that tell of no change.
  const watcher = watch(directory, () => {
    wake();
  });
  watcher.on('error', () => undefined);
  const onAbort = () => {
    wake();
  };
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
    watcher.close();
    signal.removeEventListener('abort', onAbort);
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines += 1;
  return lines;
}
