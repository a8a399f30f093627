import { PipelineError } from '../../core/errors/index.js';
import { parseInstant } from '../../core/interval.js';
import type { JsonValue } from '../../core/json.js';
import { compareCursors, cursorLessLag } from '../cursor.js';
import { exactTextAt, type PageRecord } from '../json-page.js';
import type { ReadRequest } from '../source.js';
import type { RestCursorFormat, RestIncremental } from './options.js';
import { pathOf } from './paths.js';

/** Which records a read is after, and how the source is told. Instants are ISO 8601 text here, whatever their format. */
export interface RestWindow {
  /** Query parameters for the bounds. */
  readonly params: Readonly<Record<string, string>>;
  /** Whether cursors are instants. */
  readonly isInstant: boolean;
  /** Cursor of a record; `undefined` where it has none that can be read, or where there is no cursor path. */
  cursorOf(record: PageRecord): string | undefined;
  /** Whether a record is to be delivered. One without a cursor is: the schema check judges it. */
  isWanted(cursor: string | undefined): boolean;
  /** Where records hold their cursor. */
  readonly cursorPath: string | undefined;
}

/** What the options of a source are called in messages. */
export interface WindowWords {
  readonly source: string;
  readonly startParam: string;
  readonly endParam: string;
}

const restWords: WindowWords = { source: 'rest', startParam: 'startParam', endParam: 'endParam' };

/** @throws PipelineError CONFIG_INVALID naming every problem: a read by interval or cursor that the options do not allow */
export function restWindow(
  incremental: RestIncremental = {},
  request: ReadRequest,
  words: WindowWords = restWords,
): RestWindow {
  const { startParam, endParam, format = 'iso' } = incremental;
  const cursorPath = incremental.cursorPath ?? request.cursorPath;
  const isInstant = format !== 'raw';
  refuseMisfit(incremental, cursorPath, request, words);
  const { start, end } = boundsOf(request, format);
  const isBelow = (cursor: string): boolean => start !== undefined && compareCursors(cursor, start) < 0;
  return {
    params: {
      ...(startParam !== undefined &&
        start !== undefined && { [startParam]: written(start, format, Math.floor) }),
      ...(endParam !== undefined && end !== undefined && { [endParam]: written(end, format, Math.ceil) }),
    },
    isInstant,
    cursorPath,
    cursorOf: (record) =>
      cursorPath === undefined
        ? undefined
        : readCursor(exactTextAt(record.bytes, pathOf(cursorPath)), format),
    isWanted(cursor) {
      if (cursor === undefined) return true;
      if (end !== undefined) return !isBelow(cursor) && compareCursors(cursor, end) < 0;
      return startParam !== undefined || !isBelow(cursor);
    },
  };
}

/** A cursor as records and options hold it, as text that orders: instants as ISO 8601. */
export function readCursor(text: string | undefined, format: RestCursorFormat): string | undefined {
  if (text === undefined || format === 'raw') return text;
  if (parseInstant(text) !== undefined) return text;
  if (format === 'iso' || !/^\d{1,16}(\.\d+)?$/.test(text)) return undefined;
  const instant = new Date(Math.floor(Number(text) * (format === 'epoch_seconds' ? 1000 : 1)));
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}

function boundsOf(request: ReadRequest, format: RestCursorFormat) {
  if (request.interval !== undefined) return { start: request.interval.start, end: request.interval.end };
  const cursor = request.cursor === undefined ? undefined : readCursor(textOf(request.cursor), format);
  const start = format === 'raw' ? cursor : cursorLessLag(cursor, request.lagMs);
  return { start, end: undefined };
}

function refuseMisfit(
  incremental: RestIncremental,
  cursorPath: string | undefined,
  request: ReadRequest,
  { source, ...names }: WindowWords,
): void {
  const { startParam, endParam, format = 'iso' } = incremental;
  const problems: string[] = [];
  const isRaw = format === 'raw';
  const hasParams = startParam !== undefined && endParam !== undefined;
  if (request.interval !== undefined && isRaw)
    problems.push(
      `${source}.incremental.format "raw" knows no instants: read by cursor, not by data interval`,
    );
  if (request.interval !== undefined && cursorPath === undefined && !hasParams)
    problems.push(
      `${source}.incremental needs "cursorPath", or "${names.startParam}" and "${names.endParam}", to read by data interval`,
    );
  if (isRaw && request.lagMs > 0)
    problems.push(`the cursor takes no lag where ${source}.incremental.format is "raw"`);
  if (request.cursor !== undefined && readCursor(textOf(request.cursor), format) === undefined)
    problems.push(
      `the cursor (or its initialValue) is no instant that ${source}.incremental.format "${format}" can read`,
    );
  if (problems.length > 0) throw new PipelineError('CONFIG_INVALID', { problems });
}

function written(bound: string, format: RestCursorFormat, round: (value: number) => number): string {
  if (format === 'epoch_seconds') return String(round(Date.parse(bound) / 1000));
  return format === 'epoch_ms' ? String(Date.parse(bound)) : bound;
}

function textOf(cursor: JsonValue): string | undefined {
  return typeof cursor === 'string' || typeof cursor === 'number' ? String(cursor) : undefined;
}
