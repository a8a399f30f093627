import { formatSequence } from '../connectors/inbox/segments.js';
import { segmentDisk, SegmentFile, type SegmentDisk } from './segment-file.js';

export interface StreamWriterOptions {
  readonly directory: string;
  /** Highest sequence in use; the next one is greater. */
  readonly lastSequence: bigint;
  readonly segmentMaxBytes: number;
  readonly segmentMaxAgeMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly disk?: SegmentDisk;
  /** A disk refused to write or to seal. */
  onFailure(error: unknown): void;
}

interface Waiting {
  readonly line: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Appends lines of one stream to segments. All lines that wait share one fdatasync, and `append` resolves after it. A
 * segment with a higher sequence is made only when the one before is sealed, so that a reader who has drained a sequence
 * has drained all before it.
 */
export class StreamWriter {
  readonly #options: StreamWriterOptions;
  readonly #disk: SegmentDisk;
  #lastSequence: bigint;
  #segment: SegmentFile | undefined;
  #sealTimer: NodeJS.Timeout | undefined;
  #isSealDue = false;
  #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;

  constructor(options: StreamWriterOptions) {
    this.#options = options;
    this.#disk = options.disk ?? segmentDisk;
    this.#lastSequence = options.lastSequence;
  }

  /** One complete line with its line feed. Rejects with the disk's error when it could not be made durable. */
  append(line: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, resolve, reject });
      this.#work();
    });
  }

  /** Writes what waits and seals. Call `append` no more. */
  async close(): Promise<void> {
    this.#isSealDue = true;
    this.#work();
    while (this.#working !== undefined) await this.#working;
    clearTimeout(this.#sealTimer);
    await this.#segment?.abandon();
    this.#segment = undefined;
  }

  #work(): void {
    this.#working ??= this.#run().finally(() => {
      this.#working = undefined;
      if (this.#waiting.length > 0 || this.#isSealDue) this.#work();
    });
  }

  async #run(): Promise<void> {
    // Requests that arrive in the same turn of the event loop share the first write.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(
          batch.length === 1 && batch[0] ? batch[0].line : Buffer.concat(batch.map(({ line }) => line)),
        );
      } catch (error) {
        for (const { reject } of batch) reject(error);
        this.#options.onFailure(error);
        continue;
      }
      for (const { resolve } of batch) resolve();
      if (this.#isSealDue) await this.#trySeal();
    }
    if (this.#isSealDue) await this.#trySeal();
  }

  async #write(lines: Uint8Array): Promise<void> {
    const { segmentMaxBytes } = this.#options;
    const isFull =
      this.#segment !== undefined &&
      this.#segment.durableBytes + lines.length > segmentMaxBytes &&
      this.#segment.durableBytes > 0;
    if (isFull) await this.#seal();
    this.#segment ??= await this.#createSegment();
    await this.#segment.append(lines);
  }

  async #createSegment(): Promise<SegmentFile> {
    const { directory, now, segmentMaxAgeMs } = this.#options;
    // Time keeps sequences rising when someone empties the folder, the last sequence when the clock goes back.
    const floor = BigInt(Math.max(0, Math.floor(now()))) * 1000n;
    const next = floor > this.#lastSequence ? floor : this.#lastSequence + 1n;
    this.#lastSequence = next;
    const segment = await SegmentFile.create(directory, formatSequence(next), this.#disk);
    this.#startSealTimer(segmentMaxAgeMs);
    return segment;
  }

  #startSealTimer(delayMs: number): void {
    clearTimeout(this.#sealTimer);
    this.#sealTimer = setTimeout(() => {
      this.#isSealDue = true;
      this.#work();
    }, delayMs);
  }

  /** A segment that cannot be sealed stays the current one, and is tried again. */
  async #trySeal(): Promise<void> {
    try {
      await this.#seal();
    } catch (error) {
      this.#isSealDue = false;
      this.#startSealTimer(this.#options.segmentMaxAgeMs * 10);
      this.#options.onFailure(error);
    }
  }

  async #seal(): Promise<void> {
    await this.#segment?.seal();
    this.#segment = undefined;
    this.#isSealDue = false;
    clearTimeout(this.#sealTimer);
  }
}
