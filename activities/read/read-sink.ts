import { readFile } from 'node:fs/promises';
import type { SourceBatch } from '../../connectors/source.js';
import type { StagingStore } from '../../connectors/staging.js';
import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import type { Manifest, StagedFile } from '../../core/loading/manifest.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import type { Checkpoint } from './checkpoint.js';
import { oversizedReject, partLines, type PartedLines } from './oversized.js';
import { manifestOf } from '../staged/staged-manifest.js';
import { createStagedWriter } from '../staged/staged-writer.js';
import { createTypedWriter } from '../staged/typed-writer.js';

type Reject = Omit<QuarantineRow, 'position'>;

/** What a sink holds, in staged files. */
export type SinkState = Pick<Checkpoint, 'rows' | 'deletes' | 'rejects' | 'staged'>;

/** Takes what a source delivers into staged files. */
export interface ReadSink {
  take(batch: SourceBatch): Promise<void>;
  readonly staged: { readonly rows: number; readonly deletes: number };
  /** What it holds, for another try; `undefined` where that has typed text, whose files are not cut before the end. */
  keep(): Promise<SinkState | undefined>;
  /** Puts a new sink into a state that was kept. @throws PipelineError STAGING_* */
  resume(state: SinkState): Promise<void>;
  /** @throws PipelineError LIMIT_EXCEEDED, DISK_FULL */
  finish(cursor: JsonValue | undefined): Promise<Manifest>;
  /** Removes what is unfinished. Safe after `finish`. */
  discard(): Promise<void>;
}

export interface ReadSinkOptions {
  /** Name of the source, for messages. */
  readonly source: string;
  readonly staging: StagingStore;
  readonly signal: AbortSignal;
  readonly fileMaxBytes: number;
}

/** @throws PipelineError DISK_FULL from every method that writes. */
export function createReadSink({ source, staging, signal, fileMaxBytes }: ReadSinkOptions): ReadSink {
  const writers = {
    rows: createStagedWriter(staging, fileMaxBytes),
    deletes: createStagedWriter(staging, fileMaxBytes),
    rejects: createStagedWriter(staging, fileMaxBytes),
  };
  const typed = createTypedWriter({ staging, rows: writers.rows, signal, fileMaxBytes });
  const staged = { rows: 0, deletes: 0 };
  const rejects: Reject[] = [];
  const keptRejects: StagedFile[] = [];

  const stage = async (batch: SourceBatch): Promise<void> => {
    const { kind } = batch;
    if (kind === 'rows' && batch.typed !== undefined) {
      await typed.append(batch.typed, batch.rowCount);
      staged.rows += batch.rowCount;
      return;
    }
    if (batch.file !== undefined) {
      await writers[kind].add(batch.file);
      staged[kind] += batch.file.rows;
    }
    const { bytes } = batch;
    if (bytes === undefined) return;
    const parted = partLines(bytes);
    refuseMiscount(source, batch.rowCount, parted);
    await writers[kind].append(parted.lines, parted.rows);
    staged[kind] += parted.rows;
    rejects.push(...parted.oversized.map(oversizedReject));
  };

  return {
    staged,
    async take(batch) {
      await stage(batch);
      rejects.push(...(batch.rejects ?? []));
    },
    async keep() {
      if (typed.hash() !== undefined) return undefined;
      const fresh = rejects.slice(keptRejects.reduce((sum, file) => sum + file.rows, 0));
      if (fresh.length > 0) keptRejects.push(await staging.write([linesOf(fresh)], fresh.length));
      return {
        rows: await writers.rows.keep(),
        deletes: await writers.deletes.keep(),
        rejects: [...keptRejects],
        staged: { ...staged },
      };
    },
    async resume(state) {
      await writers.rows.resume(state.rows);
      await writers.deletes.resume(state.deletes);
      for (const file of state.rejects) {
        const text = await readFile(await staging.localPath(file), 'utf8');
        for (const line of text.split('\n').slice(0, -1)) rejects.push(JSON.parse(line) as Reject);
      }
      keptRejects.push(...state.rejects);
      Object.assign(staged, state.staged);
    },
    async finish(cursor) {
      const oversized = await typed.flush();
      staged.rows -= oversized.length;
      rejects.push(...oversized.map(oversizedReject));
      const placed = rejects.map((reject, index) => ({ ...reject, position: staged.rows + index }));
      if (placed.length > 0) await writers.rejects.append(linesOf(placed), placed.length);
      const files = {
        rows: await writers.rows.finish(),
        deletes: await writers.deletes.finish(),
        rejects: await writers.rejects.finish(),
      };
      const delivered = staged.rows + staged.deletes;
      return manifestOf(files, delivered, rejects.length, { cursor, typedHash: typed.hash() });
    },
    async discard() {
      await typed.discard();
      for (const writer of Object.values(writers)) await writer.discard();
    },
  };
}

function linesOf(values: readonly object[]): Buffer {
  return Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

function refuseMiscount(source: string, announced: number, parted: PartedLines): void {
  const found = parted.rows + parted.oversized.length;
  if (found === announced) return;
  throw new PipelineError('INTERNAL', {
    where: `connector "${source}"`,
    reason: `a batch announces ${announced} rows and holds ${found}`,
  });
}
