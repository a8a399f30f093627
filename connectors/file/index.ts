import { stat } from 'node:fs/promises';
import { parseInstant, type DataInterval } from '../../core/interval.js';
import type { JsonObject } from '../../core/json.js';
import { PipelineError } from '../../core/errors/index.js';
import type { SourceEnvironment } from '../registry.js';
import type { ReadContext, ReadRequest, Source, SourceBatch } from '../source.js';
import { locateFile, readFileBytes } from './open-file.js';
import { readRecords } from './records.js';
import { remember } from './remember.js';
import { fileSettings } from './settings.js';

/** Bytes gathered before a batch is handed on. */
const batchBytes = 256 * 1024;

/**
 * Text files on the worker's machine; see `file.records` for the options. Text is UTF-8; in the formats that are not
 * NDJSON, bytes that are not UTF-8 become U+FFFD. The file is streamed: memory does not grow with its size.
 */
export function createSource({ projectDirectory }: Pick<SourceEnvironment, 'projectDirectory'>): Source {
  const directoryOf = ({ directory }: JsonObject): string =>
    typeof directory === 'string' ? directory : projectDirectory;
  return {
    name: 'file',
    read: (request, context) => readFile(directoryOf(request.connection), request, context),
    async test(connection) {
      const directory = directoryOf(connection);
      const found = await stat(directory).catch(() => undefined);
      if (found?.isDirectory() !== true) {
        throw new PipelineError('SOURCE_FILE', {
          file: 'directory of the connection',
          reason: 'it is no directory',
        });
      }
      return { detail: 'the directory exists' };
    },
  };
}

async function* readFile(
  directory: string,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const settings = fileSettings(request.options);
  if (request.interval !== undefined && settings.intervalColumn === undefined) {
    throw new PipelineError('CONFIG_INVALID', {
      problems: `file source ${settings.path}: reading by data interval needs "intervalColumn"`,
    });
  }
  const location = await locateFile(directory, settings.path);
  const isWanted = intervalFilter(request.interval);
  const bytes = readFileBytes(location, settings.path, context.signal);
  const lineFeed = Buffer.from('\n');
  let pieces: Uint8Array[] = [];
  let size = 0;
  let rows = 0;
  for await (const group of readRecords(bytes, settings)) {
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
