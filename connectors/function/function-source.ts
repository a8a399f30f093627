import { stringify } from 'lossless-json';
import type { TaskFunctionContext, TaskFunctions } from '../../core/dag/dag-definition.js';
import type { JsonValue } from '../../core/json.js';
import { laterCursor } from '../cursor.js';
import type { Source, SourceBatch } from '../source.js';

/** Bytes gathered before a batch is handed on. */
const batchBytes = 256 * 1024;

/**
 * A source around a reader written in a DAG file. Records become JSON lines; a `bigint` or a lossless number keeps all
 * its digits, and a member that JSON cannot carry (a function, `undefined`) is left out.
 */
export function createFunctionSource(
  read: NonNullable<TaskFunctions['read']>,
  taskContext: TaskFunctionContext,
): Source {
  return {
    name: 'function',

    async *read(request, context) {
      let cursor = request.cursor;
      let lines: string[] = [];
      let size = 0;
      const flush = (): SourceBatch => {
        const bytes = Buffer.from(lines.join(''));
        const flushed = {
          kind: 'rows',
          bytes,
          rowCount: lines.length,
          ...(cursor !== undefined && { cursor }),
        };
        lines = [];
        size = 0;
        return flushed as SourceBatch;
      };
      for await (const record of read(taskContext)) {
        context.signal.throwIfAborted();
        const line = `${stringify(record) ?? 'null'}\n`;
        lines.push(line);
        size += line.length;
        cursor = laterCursor(cursor, memberAt(record, request.cursorPath));
        if (size < batchBytes) continue;
        context.heartbeat();
        yield flush();
      }
      yield flush();
    },

    async test() {
      return { detail: 'a function of the DAG file; there is no connection to test' };
    },
  };
}

function memberAt(record: unknown, path: string | undefined): JsonValue | undefined {
  if (path === undefined) return undefined;
  let value: unknown = record;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}
