import { readFile } from 'node:fs/promises';
import type { StagingStore } from '../connectors/staging.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import type { StagedFile } from '../core/loading/manifest.js';
import { limits } from '../core/limits.js';
import { isMapped, isParked, type ElementRef, type TaskOutput } from '../core/run/task-output.js';

/** Reads what workflows hold by name only: values and elements that lie in the staging store. */
export interface ValueReader {
  /** The value itself; results of a mapped task become a list. @throws PipelineError STAGING_* */
  resolve(value: TaskOutput): Promise<JsonValue>;
  /** The arguments that an instance runs for, and its name. @throws PipelineError STAGING_* */
  element(ref: ElementRef): Promise<{ readonly value: JsonObject; readonly label: string }>;
  /** All lines of a file. @throws PipelineError STAGING_* */
  lines(file: StagedFile): Promise<readonly JsonValue[]>;
}

/** Keeps the few files that were read last: the instances of one mapping read the same one. */
export function createValueReader(staging: StagingStore): ValueReader {
  const files = new Map<string, Promise<readonly JsonValue[]>>();

  const lines = (file: StagedFile): Promise<readonly JsonValue[]> => {
    const known = files.get(file.uri);
    if (known !== undefined) return known;
    const reading = readLines(staging, file);
    files.set(file.uri, reading);
    reading.catch(() => files.delete(file.uri));
    for (const uri of files.keys()) {
      if (files.size <= limits.valueFilesKept) break;
      files.delete(uri);
    }
    return reading;
  };

  const resolve = async (value: TaskOutput): Promise<JsonValue> => {
    if (isParked(value)) return resolve((await lines(value.$parked))[0] ?? null);
    if (!isMapped(value)) return value as JsonValue;
    const list: JsonValue[] = [];
    for (const chunk of value.$mapped) {
      const values = 'values' in chunk ? chunk.values : ((await lines(chunk.parked)) as TaskOutput[]);
      for (const item of values) list.push(await resolve(item));
    }
    return list;
  };

  return {
    resolve,
    lines,
    element: async (ref) => {
      if ('value' in ref) return ref;
      const line = (await lines(ref.file))[ref.line] as { value: JsonObject; label: string } | undefined;
      return line ?? { value: {}, label: String(ref.line) };
    },
  };
}

async function readLines(staging: StagingStore, file: StagedFile): Promise<readonly JsonValue[]> {
  const text = await readFile(await staging.localPath(file), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonValue);
}

/** Stores values, one a line. @throws PipelineError DISK_FULL */
export function parkValues(staging: StagingStore, values: readonly unknown[]): Promise<StagedFile> {
  const text = values.map((value) => `${JSON.stringify(value ?? null)}\n`).join('');
  return staging.write([Buffer.from(text)], values.length);
}
