import type { Logger } from 'pino';
import type { TaskLog } from '../../core/dag/dag-definition.js';
import type { JsonObject } from '../../core/json.js';
import type { LogLevel, TaskLogLine } from '../../core/run/ledger.js';
import { limits } from '../../core/limits.js';

/** Where a line belongs. */
export type TryKey = Pick<TaskLogLine, 'workflowId' | 'runId' | 'taskId' | 'mapIndex' | 'tryNumber'>;

export interface TryLog {
  readonly log: TaskLog;
  /** Says how many lines were left out, if any, and what the try failed with; these are kept beyond the bound. */
  finish(failure?: string): void;
}

/**
 * The log of one try. Each line goes to the worker's log and, within bounds, to the run ledger (`append`); what is cut is
 * counted and said. Never throws: a task does not fail for what it logs.
 *
 * @param parts - how often the try was begun before: its lines go on from theirs
 */
export function createTryLog(
  logger: Logger,
  key?: TryKey,
  append?: (line: TaskLogLine) => void,
  parts = 0,
): TryLog {
  const linesBefore = parts * limits.taskLogMaxLines;
  let lines = 0;
  let dropped = 0;
  const write = (level: LogLevel, message: string, fields?: JsonObject) => {
    if (key === undefined) return;
    lines += 1;
    const at = new Date().toISOString();
    const line = linesBefore + lines;
    append?.({ ...key, line, at, level, message, ...(fields === undefined ? {} : { fields }) });
  };
  const add = (level: LogLevel, text: unknown, given?: JsonObject) => {
    const { message, fields } = bounded(String(text), given);
    logger[level]({ ...fields }, message);
    if (lines < limits.taskLogMaxLines) write(level, message, fields);
    else dropped += 1;
  };
  return {
    log: {
      info: (text, fields) => add('info', text, fields),
      warn: (text, fields) => add('warn', text, fields),
      error: (text, fields) => add('error', text, fields),
    },
    finish: (failure) => {
      if (dropped > 0) {
        write(
          'warn',
          `${String(dropped)} further lines are not kept: a try keeps ${String(limits.taskLogMaxLines)} (taskLogMaxLines)`,
        );
      }
      if (failure === undefined) return;
      logger.warn({ reason: failure }, 'task failed');
      write('error', cutBytes(failure, limits.taskLogLineMaxBytes));
    },
  };
}

function bounded(text: string, given: JsonObject | undefined): { message: string; fields?: JsonObject } {
  const message = cutBytes(text, limits.taskLogLineMaxBytes);
  if (given === undefined) return { message };
  try {
    const json = JSON.stringify(given);
    const left = limits.taskLogLineMaxBytes - Buffer.byteLength(message);
    if (Buffer.byteLength(json) <= left) return { message, fields: JSON.parse(json) as JsonObject };
    return { message: `${message} (fields of ${String(Buffer.byteLength(json))} bytes left out)` };
  } catch (error) {
    return {
      message: `${message} (fields left out: ${error instanceof Error ? error.message : 'not JSON'})`,
    };
  }
}

function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.byteLength <= maxBytes) return text;
  // A character that the cut goes through becomes the replacement character.
  return `${bytes.subarray(0, maxBytes).toString('utf8')}… (${String(bytes.byteLength - maxBytes)} bytes cut)`;
}
