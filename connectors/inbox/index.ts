import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { SourceEnvironment } from '../registry.js';
import type { ReadRequest, Source, SourceBatch } from '../source.js';
import { deliveryRows, deliveryShapes, type DeliveryShape } from './delivery-rows.js';
import { cursorOf, positionOf } from './position.js';
import { pushedRows } from './pushed-rows.js';
import { segmentEvents } from './segment-events.js';
import { listSegments, streamDirectory } from './segments.js';
import { waitForSegments, type StreamSegment } from './wait-for-segments.js';

/**
 * What the gateway received, segment by segment. The cursor is the sequence of the last segment that was read, or that of
 * each stream where a read has several; with a wait it is a real-time source, which returns as soon as a segment is sealed and takes a bounded number of bytes.
 */
export function createSource({ dataDirectory }: SourceEnvironment): Source {
  const inboxDirectory = join(dataDirectory, 'inbox');
  return {
    name: 'inbox',
    async *read(request, { signal, heartbeat }) {
      const position = new Map(positionOf(request));
      const found = await waitForSegments(inboxDirectory, position, request.waitMs, signal);
      let bytes = 0;
      for (const segment of found) {
        signal.throwIfAborted();
        heartbeat();
        const batch = await readSegment(segment, request);
        position.set(segment.stream, segment.sequence);
        bytes += batch.bytes?.length ?? 0;
        yield { ...batch, cursor: cursorOf(request, position) };
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
async function readSegment(segment: StreamSegment, { options }: ReadRequest): Promise<SourceBatch> {
  const { stream } = segment;
  const content = await readFile(segment.path);
  if (createHash('sha256').update(content).digest('hex') !== segment.sha256) {
    throw new PipelineError('INBOX_CORRUPT', { segment: `${stream}/${segment.sequence}` });
  }
  const shape = shapeOf(options);
  if (stream.startsWith('push/')) return { kind: 'rows', ...pushedRows(content) };
  if (shape !== undefined && stream !== 'segment')
    return { kind: 'rows', ...(await deliveryRows(content, shape)) };
  if (stream !== 'segment') return { kind: 'rows', bytes: content, rowCount: countLines(content) };
  const { bytes, rowCount } = segmentEvents(content);
  return { kind: 'rows', bytes, rowCount };
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines += 1;
  return lines;
}
