import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { orDiskFull } from '../staging/local.js';
import type { ReadContext } from '../source.js';
import { fileBytes, refuseChanged, refuseLarge } from './file-bytes.js';
import type { FileStore, FoundFile } from './file-store.js';
import { isPattern } from './find-files.js';
import { readParquet } from './parquet-rows.js';
import type { FileRecord } from './file-record.js';
import type { FileSettings } from './settings.js';

/**
 * The rows of a Parquet file, in order and in groups. What tells where its parts lie stands at its end, so a file that lies
 * elsewhere is copied into a temporary file first, whole and in one version.
 *
 * @throws PipelineError SOURCE_FILE, SOURCE_FILE_CHANGED, SOURCE_UNAVAILABLE, SOURCE_PROTOCOL, LIMIT_EXCEEDED, DISK_FULL
 */
export async function* parquetRecords(
  store: FileStore,
  file: FoundFile,
  settings: FileSettings,
  context: ReadContext,
): AsyncGenerator<readonly FileRecord[]> {
  const { path, isCopy } = await localPath(store, file, settings, context);
  let bytes = 0;
  try {
    for await (const records of readParquet(path, settings, context.signal)) {
      for (const record of records) bytes += record.json().length;
      refuseLarge({ ...file, bytes }, settings.maxBytes);
      yield records;
    }
  } catch (error) {
    // What was overwritten while it was read looks damaged.
    if (!isCopy) await refuseChanged(store, file);
    throw error;
  } finally {
    if (isCopy) await rm(path, { force: true });
  }
  if (!isCopy) await refuseChanged(store, file);
}

/** DuckDB takes a path with one of the signs of a pattern for one. */
async function localPath(
  store: FileStore,
  file: FoundFile,
  { maxBytes }: FileSettings,
  { staging, signal, heartbeat }: ReadContext,
): Promise<{ readonly path: string; readonly isCopy: boolean }> {
  const own = await store.localPath?.(file.key);
  if (own !== undefined && !isPattern(own)) return { path: own, isCopy: false };
  const path = staging.temporaryPath('parquet');
  const stored = fileBytes(store, file, maxBytes, signal, undefined, 'none');
  const alive = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of stored) {
      heartbeat();
      yield chunk;
    }
  };
  try {
    await orDiskFull(`a copy of ${file.name}`, () =>
      pipeline(alive, createWriteStream(path, { flags: 'wx', mode: 0o600 })),
    );
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { path, isCopy: true };
}
