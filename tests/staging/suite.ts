import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pruneStaging } from '../../connectors/staging/prune.js';
import type { StagedEntry, StagingStore } from '../../connectors/staging.js';
import type { StagedFile } from '../../core/loading/manifest.js';

/** A kind of staging under contract, and how to get an empty one of it. */
export interface StagingUnderContract {
  fresh(): Promise<StagingUnderTest>;
}

export interface StagingUnderTest {
  /** The place as another machine sees it: every call has local folders of its own. */
  machine(): Promise<StagingStore>;
  /** Overwrites what is kept, past the store. */
  overwrite(name: string, bytes: Buffer): Promise<void>;
}

/** Text of lines that compresses badly, so that a large one is large on the wire. */
export function linesOf(count: number, seed = 'line'): Buffer {
  const lines = Array.from(
    { length: count },
    (_, index) =>
      `{"id":${String(index)},"text":"${createHash('sha256')
        .update(`${seed}${String(index)}`)
        .digest('hex')}"}\n`,
  );
  return Buffer.from(lines.join(''));
}

export async function entriesOf(store: StagingStore): Promise<StagedEntry[]> {
  const entries: StagedEntry[] = [];
  for await (const entry of store.entries()) entries.push(entry);
  return entries;
}

export async function readBack(store: StagingStore, file: StagedFile): Promise<Buffer> {
  return readFileSync(await store.localPath(file));
}

/** What every staging store promises. */
export function stagingContract({ fresh }: StagingUnderContract): void {
  test('a probe writes, reads and removes a file of its own', async () => {
    const store = await (await fresh()).machine();
    await store.check();
    await store.probe();
    expect(await entriesOf(store)).toEqual([]);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['one line', Buffer.from('{"id":1}\n')],
    ['some megabytes', linesOf(40_000)],
  ])('%s that is written on one machine is read on another, byte for byte', async (_what, bytes) => {
    const place = await fresh();
    const writer = await place.machine();
    await writer.check();
    const file = await writer.write([bytes.subarray(0, 5), bytes.subarray(5)], 7);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(file).toEqual({
      uri: `staging:${sha256}.ndjson`,
      sha256,
      bytes: bytes.length,
      rows: 7,
      format: 'ndjson',
    });
    expect((await readBack(await place.machine(), file)).equals(bytes)).toBe(true);
    expect((await readBack(writer, file)).equals(bytes)).toBe(true);
  });

  test('a file that a program wrote is taken over under the name of its content', async () => {
    const place = await fresh();
    const writer = await place.machine();
    const path = writer.temporaryPath('parquet');
    writeFileSync(path, 'PAR1 rows');
    const file = await writer.adopt(path, 'parquet', 3);
    expect(file.uri).toMatch(/^staging:[0-9a-f]{64}\.parquet$/);
    expect(existsSync(path)).toBe(false);
    expect((await readBack(await place.machine(), file)).toString()).toBe('PAR1 rows');
  });

  test('the same content written twice, and at once, is one file', async () => {
    const place = await fresh();
    const machines = [await place.machine(), await place.machine(), await place.machine()];
    const bytes = linesOf(2_000);
    const files = await Promise.all(machines.map((machine) => machine.write([bytes], 1)));
    files.push(await (machines[0] as StagingStore).write([bytes], 1));
    expect(new Set(files.map(({ uri }) => uri)).size).toBe(1);
    expect(await entriesOf(await place.machine())).toHaveLength(1);
  });

  test('a file that was damaged is refused and set aside; the content written again is there again', async () => {
    const place = await fresh();
    const bytes = linesOf(100);
    const file = await (await place.machine()).write([bytes], 100);
    const [entry] = await entriesOf(await place.machine());
    await place.overwrite(entry?.name ?? '', Buffer.alloc(entry?.bytes ?? 0, 'x'));
    const reader = await place.machine();
    await expect(reader.localPath(file)).rejects.toMatchObject({ code: 'STAGING_CORRUPT' });
    await expect(reader.localPath(file)).rejects.toMatchObject({ code: 'STAGING_MISSING' });
    await (await place.machine()).write([bytes], 100);
    expect((await readBack(reader, file)).equals(bytes)).toBe(true);
  });

  test('a file that is not there is missing', async () => {
    const place = await fresh();
    const writer = await place.machine();
    const file = await writer.write([linesOf(1)], 1);
    for (const entry of await entriesOf(writer)) expect(await writer.remove(entry)).toBe(true);
    await expect((await place.machine()).localPath(file)).rejects.toMatchObject({
      code: 'STAGING_MISSING',
      message: expect.stringContaining(file.uri),
    });
  });

  test('the list names every file; a removal spares one that was written since', async () => {
    const place = await fresh();
    const store = await place.machine();
    const files = [await store.write([linesOf(1)], 1), await store.write([linesOf(2)], 2)];
    const entries = await entriesOf(store);
    expect(entries.map(({ sha256 }) => sha256).sort()).toEqual(files.map(({ sha256 }) => sha256).sort());
    for (const { usedAtMs } of entries) expect(Math.abs(Date.now() - usedAtMs)).toBeLessThan(60_000);
    const [entry] = entries as [StagedEntry];
    expect(await store.remove({ ...entry, usedAtMs: entry.usedAtMs - 5_000 })).toBe(false);
    expect(await entriesOf(store)).toHaveLength(2);
    expect(await store.remove(entry)).toBe(true);
    expect(await store.remove(entry)).toBe(false);
    expect(await entriesOf(store)).toHaveLength(1);
  });

  test('the retention removes what is older and not needed, and counts first where it is asked to', async () => {
    const place = await fresh();
    const staging = await place.machine();
    const [kept] = [await staging.write([linesOf(1)], 1), await staging.write([linesOf(2)], 2)];
    const round = (beforeMs: number, isDryRun: boolean) =>
      pruneStaging({ staging, beforeMs, isDryRun, needed: new Set([kept?.sha256 ?? '']) });
    const later = Date.now() + 60_000;
    expect(await round(later - 24 * 60 * 60_000, false)).toMatchObject({
      files: 2,
      removedFiles: 0,
      neededFiles: 0,
    });
    expect(await round(later, true)).toMatchObject({ files: 2, removedFiles: 1, neededFiles: 1 });
    expect(await entriesOf(staging)).toHaveLength(2);
    const report = await round(later, false);
    expect(report).toMatchObject({ files: 2, removedFiles: 1, neededFiles: 1 });
    expect(report.removedBytes).toBeGreaterThanOrEqual(linesOf(2).length);
    expect((await entriesOf(staging)).map(({ sha256 }) => sha256)).toEqual([kept?.sha256]);
  });
}
