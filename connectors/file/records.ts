import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { systemErrorCode } from '../system-error.js';
import { readDelimited } from './delimited.js';
import type { FileRecord } from './file-record.js';
import { readLines } from './lines.js';
import { remember } from './remember.js';
import type { FileSettings } from './settings.js';

interface Row {
  readonly values: readonly string[];
  readonly line: number;
}

/** Rows of CSV handed on at once. */
const csvRowsPerGroup = 1_000;

/** The records of a file's bytes, in order and in groups. Blank lines are no records. */
export async function* readRecords(
  bytes: AsyncIterable<Uint8Array>,
  settings: FileSettings,
): AsyncGenerator<readonly FileRecord[]> {
  if (settings.format === 'ndjson') {
    yield* readNdjson(bytes, settings.intervalColumn);
    return;
  }
  if (settings.format === 'protobuf-delimited') {
    yield* readDelimited(bytes, settings);
    return;
  }
  const groups = settings.format === 'csv' ? readCsv(bytes, settings) : readColumns(bytes, settings);
  let columns = settings.columns;
  let isHeader = settings.header;
  for await (const group of groups) {
    const [first] = group;
    if (first === undefined) continue;
    if (isHeader) columns ??= headerOf(first.values, settings);
    const names = columns ?? [];
    yield (isHeader ? group.slice(1) : group).map((row) => toRecord(row, names, settings));
    isHeader = false;
  }
}

async function* readNdjson(
  bytes: AsyncIterable<Uint8Array>,
  intervalColumn: string | undefined,
): AsyncGenerator<readonly FileRecord[]> {
  for await (const lines of readLines(bytes, limits.recordMaxBytes)) {
    yield lines
      .filter((line) => !line.bytes.every((byte) => byte === 0x20 || byte === 0x09))
      .map(({ bytes: line }) => ({
        json: () => line,
        intervalText: intervalColumn === undefined ? undefined : textMember(line, intervalColumn),
      }));
  }
}

async function* readColumns(
  bytes: AsyncIterable<Uint8Array>,
  settings: FileSettings,
): AsyncGenerator<readonly Row[]> {
  const decoder = new TextDecoder();
  for await (const lines of readLines(bytes, limits.recordMaxBytes)) {
    const rows: Row[] = [];
    for (const { bytes: line, number } of lines) {
      const text = decoder.decode(line);
      const trimmed = text.trim();
      if (trimmed === '') continue;
      const values = settings.format === 'fixed' ? cut(text, settings.widths) : trimmed.split(/[ \t]+/);
      rows.push({ values, line: number });
    }
    yield rows;
  }
}

/** Quotes in odd places are kept as text, and a row may be short or long: the schema check judges it. */
async function* readCsv(
  bytes: AsyncIterable<Uint8Array>,
  settings: FileSettings,
): AsyncGenerator<readonly Row[]> {
  const parser = parse({
    bom: true,
    delimiter: settings.delimiter,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: limits.recordMaxBytes,
  });
  const input = Readable.from(bytes, { objectMode: false });
  input.on('error', (error) => parser.destroy(error));
  let rows: Row[] = [];
  try {
    for await (const { record, info } of input.pipe(parser) as AsyncIterable<CsvRow>) {
      rows.push({ values: record, line: info.lines });
      if (rows.length < csvRowsPerGroup) continue;
      yield rows;
      rows = [];
    }
  } catch (error) {
    throw csvFailure(settings.path, error);
  } finally {
    input.destroy();
  }
  yield rows;
}

interface CsvRow {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

/** The parser's own text repeats the file's content; its code and line do not. */
function csvFailure(file: string, error: unknown): unknown {
  const code = systemErrorCode(error);
  if (code?.startsWith('CSV_') !== true) return error;
  const { lines } = error as { lines?: unknown };
  const place = typeof lines === 'number' ? ` at line ${lines}` : '';
  return new PipelineError('SOURCE_FILE', { file, reason: `${code}${place}` });
}

function headerOf(values: readonly string[], { path, fileColumn }: FileSettings): readonly string[] {
  const repeated = values.find((name, index) => values.indexOf(name) !== index);
  const taken = ['line', ...(fileColumn === undefined ? [] : ['file'])].find((name) => values.includes(name));
  if (repeated === undefined && taken === undefined) return values;
  throw new PipelineError('SOURCE_FILE', {
    file: path,
    reason: `its header ${taken === undefined ? 'names a column twice' : `names a column "${taken}"`}; give "columns" in the options`,
  });
}

/** Missing values are left out, and values beyond the last column go to `_extra`, so that nothing is lost. */
function toRecord({ values, line }: Row, columns: readonly string[], settings: FileSettings): FileRecord {
  const value = (name: string, text: string): string =>
    settings.compactDates.has(name) ? expandDate(text) : text;
  const { intervalColumn, fileColumn } = settings;
  const intervalText = intervalColumn === undefined ? undefined : values[columns.indexOf(intervalColumn)];
  return {
    intervalText: intervalText === undefined ? undefined : value(intervalColumn ?? '', intervalText),
    json() {
      const entries: [string, unknown][] = [['line', line]];
      if (fileColumn !== undefined) entries.unshift(['file', fileColumn]);
      for (const [index, name] of columns.entries()) {
        const text = values[index];
        if (text !== undefined) entries.push([name, value(name, text)]);
      }
      if (values.length > columns.length) entries.push(['_extra', values.slice(columns.length)]);
      return Buffer.from(JSON.stringify(Object.fromEntries(entries)));
    },
  };
}

/** `YYYYMMDD` as `YYYY-MM-DD` where that is a day; any other text stays as it is. */
const expandDate = remember((text) => {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(text);
  if (match === null) return text;
  const date = `${match[1]}-${match[2]}-${match[3]}`;
  const isDay = !Number.isNaN(Date.parse(date)) && new Date(date).toISOString().startsWith(date);
  return isDay ? date : text;
});

function cut(text: string, widths: readonly number[]): string[] {
  const values: string[] = [];
  let from = 0;
  for (const width of widths) {
    if (from >= text.length) break;
    values.push(text.slice(from, from + width).trim());
    from += width;
  }
  const rest = text.slice(from).trim();
  return rest === '' ? values : [...values, rest];
}

function textMember(json: Uint8Array, name: string): string | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(json));
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    const member = (value as Record<string, unknown>)[name];
    return typeof member === 'string' ? member : undefined;
  } catch {
    return undefined;
  }
}
