import type { JsonValue } from '../../core/json.js';
import { cursorNotAfter, laterCursor } from '../cursor.js';
import { protocolFailure } from '../http/index.js';
import type { PageRecord } from '../json-page.js';
import { toLine } from '../json-slices.js';
import { lineBatch } from '../line-batch.js';
import { closedObject } from '../option-problems.js';
import type { ReadRequest, SourceBatch } from '../source.js';
import type { RestWindow } from './incremental.js';

/** What a reader knows of the pages before, for a read that goes on behind them. */
export type WindowPlace = {
  cursor?: JsonValue;
  beganAtMs: number;
  records: number;
  withCursor: number;
};

/** Shape of a `WindowPlace`. */
export const windowPlaceSchema = closedObject(
  {
    cursor: true,
    beganAtMs: { type: 'number' },
    records: { type: 'integer' },
    withCursor: { type: 'integer' },
  },
  ['beganAtMs', 'records', 'withCursor'],
);

/** The records of one read, page by page. */
export interface WindowReader {
  /**
   * Those of a page that the read is after, and the cursor behind them, which never passes the moment of the first answer.
   *
   * @param answeredAtMs when the page was answered, by the source's own clock
   */
  take(found: readonly PageRecord[], answeredAtMs: number): SourceBatch;
  /** Behind the pages so far. */
  place(): WindowPlace;
  /** @throws PipelineError SOURCE_PROTOCOL where no record of a first read has a cursor that can be read */
  finish(): void;
}

/** @param from where the read goes on */
export function createWindowReader(
  source: string,
  window: RestWindow,
  request: ReadRequest,
  from?: WindowPlace,
): WindowReader {
  let cursor = from?.cursor ?? request.cursor;
  let beganAtMs = from?.beganAtMs;
  let records = from?.records ?? 0;
  let withCursor = from?.withCursor ?? 0;
  return {
    take(found, answeredAtMs) {
      beganAtMs ??= answeredAtMs;
      const lines: Uint8Array[] = [];
      for (const record of found) {
        const value = window.cursorOf(record);
        records += 1;
        if (value !== undefined) withCursor += 1;
        if (!window.isWanted(value)) continue;
        lines.push(toLine(record.bytes));
        cursor = laterCursor(cursor, window.isInstant ? cursorNotAfter(value, beganAtMs) : value);
      }
      return lineBatch('rows', lines, cursor);
    },
    place: () => ({
      ...(cursor !== undefined && { cursor }),
      beganAtMs: beganAtMs ?? Date.now(),
      records,
      withCursor,
    }),
    finish() {
      // Of a first read only: later it would stop good records for a bad one, which the schema check sets aside.
      const isFirst = request.cursor === undefined && request.interval === undefined;
      if (isFirst && window.cursorPath !== undefined && records > 0 && withCursor === 0)
        throw protocolFailure(source, `no record has a cursor at "${window.cursorPath}" that can be read`);
    },
  };
}
