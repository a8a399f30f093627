import type { ReadRequest, Source, SourceBatch } from '../../connectors/source.js';
import type { StagingStore } from '../../connectors/staging.js';
import { isPipelineError, type ErrorCode, type PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { Manifest, StagedFile } from '../../core/loading/manifest.js';
import { createCheckpointStore, type Checkpoint, type CheckpointStore } from './checkpoint.js';
import type { StageIo } from '../deps.js';
import { createReadSink } from './read-sink.js';

/** Bounds that tests make small. */
export interface StageReadOptions {
  readonly fileMaxBytes?: number;
  readonly resumeEveryMs?: number;
}

/** One read of a source, and where its rows go. */
export interface StageReadRequest extends StageReadOptions {
  readonly source: Source;
  readonly connector: string;
  readonly read: ReadRequest;
  readonly staging: StagingStore;
  readonly io: StageIo;
}

/** What ends a try and says nothing against the place where it went on. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'SOURCE_UNAVAILABLE',
  'SOURCE_RATE_LIMITED',
  'SOURCE_AUTH',
  'STAGING_UNAVAILABLE',
  'DISK_FULL',
]);

/**
 * Stages all that a source delivers. Where the last try noted how far it had come, the read goes on there. It begins anew
 * where that note does not fit, where the source does not take it, and after some tries that came no further.
 *
 * @throws PipelineError SOURCE_*, STAGING_*, DISK_FULL, LIMIT_EXCEEDED
 */
export async function stageRead(request: StageReadRequest): Promise<Manifest> {
  const { staging, connector, read, io } = request;
  const store = createCheckpointStore(staging, connector, read);
  const { former, problem } = await store.recall(io.lastDetails);
  if (former !== undefined) {
    const { rows, deletes } = former.checkpoint.staged;
    io.log.info(`goes on behind the ${String(rows + deletes)} records of the last try`);
    const going = new GoingRead(request, store, former.file);
    try {
      return await going.run(former.checkpoint);
    } catch (error) {
      if (io.signal.aborted || !isAboutPlace(error, going.hasTaken)) throw error;
      io.log.info(anew(error.code));
    }
  } else if (problem !== undefined) {
    io.log.info(anew(problem));
  }
  return new GoingRead(request, store).run();
}

function anew(problem: string): string {
  return `reads from the beginning: what the last try noted is of no use (${problem})`;
}

/** True where the read may pass from its beginning: the place is refused, or nothing came from there and nothing ever will. */
function isAboutPlace(error: unknown, hasTaken: boolean): error is PipelineError {
  if (!isPipelineError(error)) return false;
  return error.code === 'SOURCE_RESUME' || (!hasTaken && !error.retryable && !passing.has(error.code));
}

/** One way through the source, from its beginning or from a checkpoint. */
class GoingRead {
  readonly #request: StageReadRequest;
  readonly #store: CheckpointStore;
  readonly #sink;
  #noted: StagedFile | undefined;
  #notedPlace = '';
  #notedAtMs = performance.now();
  #bytesSince = 0;
  #cursor: JsonValue | undefined;
  /** Behind everything that was taken; `undefined` where the source named no such place, or it is noted. */
  #place: JsonValue | undefined;
  /** Tries in a row that went on at the noted place and came no further, with no outage to blame. */
  #idleTries: number;
  hasTaken = false;

  constructor(request: StageReadRequest, store: CheckpointStore, noted?: StagedFile) {
    const { source, staging, io, fileMaxBytes = limits.stagedFileMaxBytes } = request;
    this.#request = request;
    this.#store = store;
    this.#sink = createReadSink({ source: source.name, staging, signal: io.signal, fileMaxBytes });
    this.#noted = noted;
    this.#idleTries = noted === undefined ? 0 : idleTriesOf(io.lastDetails);
    this.#cursor = request.read.cursor;
  }

  async run(former?: Checkpoint): Promise<Manifest> {
    const { source, read, staging, io } = this.#request;
    const { signal } = io;
    const heartbeat = () => {
      this.#report();
    };
    const context = { signal, staging, heartbeat, goesOn: () => io.goesOn?.() === true };
    const from = former === undefined ? read : { ...read, resume: former.resume };
    heartbeat();
    try {
      if (former !== undefined) await this.#sink.resume(former);
      this.#cursor = former?.cursor ?? this.#cursor;
      for await (const batch of source.read(from, context)) {
        signal.throwIfAborted();
        await this.#take(batch);
        if (this.#isDue(batch)) await this.#note();
        heartbeat();
      }
      signal.throwIfAborted();
      return await this.#sink.finish(this.#cursor);
    } catch (error) {
      await this.#note();
      const isPassing = signal.aborted || (isPipelineError(error) && passing.has(error.code));
      if (!this.hasTaken && !isPassing) this.#idleTries += 1;
      heartbeat();
      throw error;
    } finally {
      await this.#sink.discard();
    }
  }

  async #take(batch: SourceBatch): Promise<void> {
    // Between two places nothing can be noted.
    this.#place = undefined;
    await this.#sink.take(batch);
    this.hasTaken = true;
    this.#cursor = batch.cursor ?? this.#cursor;
    this.#bytesSince += (batch.typed?.text ?? batch.bytes)?.length ?? 0;
    this.#place = batch.resume;
  }

  /** A first place without rows is what a source has begun and waits for, such as an export: it is noted at once. */
  #isDue({ rowCount }: SourceBatch): boolean {
    const { rows, deletes } = this.#sink.staged;
    if (rowCount + rows + deletes === 0 && this.#noted === undefined) return true;
    const { resumeEveryMs = limits.resumeEveryMs } = this.#request;
    return (
      performance.now() - this.#notedAtMs >= resumeEveryMs || this.#bytesSince >= limits.resumeEveryBytes
    );
  }

  /** A note is an aid: where it cannot be made, an earlier one stands, and the read goes on. */
  async #note(): Promise<void> {
    const resume = this.#place;
    const text = resume === undefined ? '' : JSON.stringify(resume);
    // A source that waits names the same place again and again.
    if (resume === undefined || text === this.#notedPlace || text.length > limits.resumeMaxBytes) return;
    this.#notedAtMs = performance.now();
    this.#bytesSince = 0;
    try {
      const state = await this.#sink.keep();
      if (state === undefined) return;
      const cursor = this.#cursor;
      this.#noted = await this.#store.save({ ...state, resume, ...(cursor !== undefined && { cursor }) });
      this.#notedPlace = text;
    } catch (error) {
      this.#request.io.logger.warn({ err: error }, 'how far a read has come could not be noted');
    }
  }

  #report(): void {
    const checkpoint = this.#noted;
    const idleTries = this.hasTaken ? 0 : this.#idleTries;
    const isOfUse = checkpoint !== undefined && idleTries < limits.resumeIdleTries;
    this.#request.io.heartbeat({
      ...this.#sink.staged,
      ...(isOfUse && { checkpoint: { ...checkpoint }, idleTries }),
    });
  }
}

function idleTriesOf(details: unknown): number {
  return typeof details === 'object' && details !== null && 'idleTries' in details
    ? Number(details.idleTries)
    : 0;
}
