import type { JsonValue } from '../../core/json.js';
import type { ReadRequest } from '../source.js';
import type { InboxPosition } from './wait-for-segments.js';

/** Streams beside the first one: `webhooks/<source>` for each of the option `more`. */
export function streamsOf({ stream, options }: Pick<ReadRequest, 'stream' | 'options'>): readonly string[] {
  const { more } = options;
  return Array.isArray(more) ? [stream, ...more.map((source) => `webhooks/${String(source)}`)] : [stream];
}

/** How far each stream of a read has been read. A cursor of one stream counts for the first one when others are added. */
export function positionOf(request: Pick<ReadRequest, 'stream' | 'options' | 'cursor'>): InboxPosition {
  const { cursor } = request;
  const byStream = typeof cursor === 'object' && !Array.isArray(cursor) && cursor !== null ? cursor : {};
  return new Map(
    streamsOf(request).map((stream) => {
      const own = typeof cursor === 'string' && stream === request.stream ? cursor : byStream[stream];
      return [stream, typeof own === 'string' ? own : ''];
    }),
  );
}

/** The cursor of a position: the sequence where there is one stream, else one for each that was read. */
export function cursorOf(request: Pick<ReadRequest, 'stream'>, position: InboxPosition): JsonValue {
  if (position.size === 1) return position.get(request.stream) ?? '';
  return Object.fromEntries([...position].filter(([, sequence]) => sequence !== ''));
}
