import { parseInstant, type DataInterval } from '../../core/interval.js';
import { PipelineError } from '../../core/errors/index.js';
import { reshapeDeletes, withDeclaredDeletes } from '../declared-deletes.js';
import type { SourceEnvironment } from '../registry.js';
import { listPlaceSchema, listRead, type ListPlace } from '../list-place.js';
import { resumeOf } from '../resume.js';
import type { ReadContext, ReadRequest, Source, SourceBatch } from '../source.js';
import { fileConnection } from './connection.js';
import { fileBytes, refuseLarge } from './file-bytes.js';
import { fileMemory } from './file-memory.js';
import type { FileStore, FoundFile } from './file-store.js';
import { findFiles, isPattern } from './find-files.js';
import { openPlace, type FilePlace } from './place.js';
import { parquetRecords } from './parquet.js';
import type { FileRecord } from './file-record.js';
import { readRecords } from './records.js';
import { remember } from './remember.js';
import { fileSettings, type FileSettings } from './settings.js';
import { testPlace } from './test-place.js';

/** Bytes gathered before a batch is handed on. */
const batchBytes = 256 * 1024;

/**
 * Files of text and of Parquet on the worker's machine, in buckets of S3 and Google Cloud Storage, and on SFTP servers; see `file.records` for the
 * options. Text is UTF-8; in the formats that are not NDJSON, bytes that are not UTF-8 become U+FFFD. Files are streamed: memory
 * does not grow with their size. Read by cursor, a file is read once for each of its versions.
 */
export function createSource({ projectDirectory }: Pick<SourceEnvironment, 'projectDirectory'>): Source {
  return {
    name: 'file',
    async *read(request, context) {
      const settings = fileSettings(request.options);
      if (request.interval !== undefined && settings.intervalColumn === undefined) {
        throw new PipelineError('CONFIG_INVALID', {
          problems: `file source ${settings.path}: reading by data interval needs "intervalColumn"`,
        });
      }
      const place = await openPlace(settings.path, fileConnection(request.connection), projectDirectory);
      try {
        yield* withDeclaredDeletes(readPlace(place, settings, request, context), settings.deleted, undefined);
      } finally {
        await place.store.close();
      }
    },
    reshape: (lines, { options }) =>
      Promise.resolve(reshapeDeletes(lines, fileSettings(options).deleted, undefined)),
    test: (connection) => testPlace(fileConnection(connection), projectDirectory),
  };
}

/** Oldest change first, so that what changed later comes later. A cut read goes on with the file in which it was. */
async function* readPlace(
  place: FilePlace,
  settings: FileSettings,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const memory = request.interval === undefined ? fileMemory(request.cursor) : undefined;
  const found = await findFiles(place.store, place.path, context);
  found.sort((left, right) => left.modifiedAtMs - right.modifiedAtMs || (left.name < right.name ? -1 : 1));
  const from = resumeOf('file', request, listPlaceSchema) as ListPlace | undefined;
  const list = listRead('file', found, ({ name, version }) => `${name}\0${version}`, from);
  for (const file of list.done) if (memory?.isRead(file) === false) memory.add(file);
  for (const file of list.left) {
    context.heartbeat();
    const resume = list.behindNext();
    if (memory?.isRead(file) === true) continue;
    refuseLarge(file, settings.maxBytes);
    yield* readFile(place, file, settings, request.interval, context);
    yield { kind: 'rows', bytes: new Uint8Array(), rowCount: 0, resume };
    memory?.add(file);
  }
  if (memory !== undefined && found.length > 0)
    yield { kind: 'rows', bytes: new Uint8Array(), rowCount: 0, cursor: memory.cursor() };
}

async function* readFile(
  { store, path }: FilePlace,
  file: FoundFile,
  settings: FileSettings,
  interval: DataInterval | undefined,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const isWanted = intervalFilter(interval);
  const lineFeed = Buffer.from('\n');
  let pieces: Uint8Array[] = [];
  let size = 0;
  let rows = 0;
  const of = { ...settings, path: file.name, ...(isPattern(path) && { fileColumn: file.name }) };
  for await (const group of recordsOf(store, file, of, context)) {
    for (const record of group) {
      if (!isWanted(record.intervalText)) continue;
      const json = record.json();
      pieces.push(json, lineFeed);
      size += json.length + 1;
      rows += 1;
    }
    if (size < batchBytes) continue;
    context.heartbeat();
    yield { kind: 'rows', bytes: Buffer.concat(pieces, size), rowCount: rows };
    [pieces, size, rows] = [[], 0, 0];
  }
  yield { kind: 'rows', bytes: Buffer.concat(pieces, size), rowCount: rows };
}

function recordsOf(
  store: FileStore,
  file: FoundFile,
  of: FileSettings,
  context: ReadContext,
): AsyncIterable<readonly FileRecord[]> {
  if (of.format === 'parquet') return parquetRecords(store, file, of, context);
  return readRecords(fileBytes(store, file, of.maxBytes, context.signal, undefined, of.compression), of);
}

/**
 * Half-open over the column's instant (a date is its midnight, UTC). A record without a readable one goes with the
 * record before it, so that exactly one interval quarantines it; at the start of the file every interval gets it.
 */
function intervalFilter(interval: DataInterval | undefined): (text: string | undefined) => boolean {
  if (interval === undefined) return () => true;
  const instantOf = remember(parseInstant);
  let previousIsWanted = true;
  return (text) => {
    const instant = text === undefined ? undefined : instantOf(text);
    if (instant !== undefined) previousIsWanted = interval.start <= instant && instant < interval.end;
    return previousIsWanted;
  };
}
