import { createHash, type Hash } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { faultPoint } from '../connectors/fault-point.js';
import { openSegmentName, sealedSegmentName } from '../connectors/inbox/segments.js';

/** The file calls that a disk may refuse. Tests give their own to refuse on purpose. */
export interface SegmentDisk {
  open(path: string): Promise<FileHandle>;
  /** Writes all bytes at the position. */
  write(file: FileHandle, bytes: Uint8Array, position: number): Promise<void>;
  datasync(file: FileHandle): Promise<void>;
  truncate(file: FileHandle, size: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

export const segmentDisk: SegmentDisk = {
  open: (path) => open(path, 'wx', 0o600),
  async write(file, bytes, position) {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  },
  datasync: (file) => file.datasync(),
  truncate: (file, size) => file.truncate(size),
  rename,
};

/** An inbox segment that is being written. What `durableBytes` counts is on the disk; behind it there may be a torn rest. */
export class SegmentFile {
  readonly #hash: Hash = createHash('sha256');
  readonly #disk: SegmentDisk;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #sequence: string;
  #durableBytes = 0;
  #isTorn = false;

  private constructor(disk: SegmentDisk, file: FileHandle, path: string, sequence: string) {
    this.#disk = disk;
    this.#file = file;
    this.#path = path;
    this.#sequence = sequence;
  }

  /** Makes the file, and its name durable. */
  static async create(directory: string, sequence: string, disk: SegmentDisk): Promise<SegmentFile> {
    const path = join(directory, openSegmentName(sequence));
    const file = await disk.open(path);
    try {
      await syncDirectory(directory);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
    return new SegmentFile(disk, file, path, sequence);
  }

  get durableBytes(): number {
    return this.#durableBytes;
  }

  /** Resolves when the lines are on the disk. After a failure the file goes on behind what was durable before. */
  async append(lines: Uint8Array): Promise<void> {
    await this.#removeTornRest();
    this.#isTorn = true;
    await this.#disk.write(this.#file, lines, this.#durableBytes);
    faultPoint('inbox-before-fsync');
    await this.#disk.datasync(this.#file);
    faultPoint('inbox-after-fsync');
    this.#isTorn = false;
    this.#hash.update(lines);
    this.#durableBytes += lines.length;
  }

  /** Gives the file its final name, or removes it when nothing in it was durable. Can be called again when it fails. */
  async seal(): Promise<void> {
    await this.#removeTornRest();
    if (this.#durableBytes === 0) await rm(this.#path, { force: true });
    else {
      const name = sealedSegmentName(this.#sequence, this.#hash.copy().digest('hex'));
      await this.#disk.rename(this.#path, join(dirname(this.#path), name));
    }
    await this.abandon();
  }

  /** Closes without sealing; the next start seals what is durable. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }

  async #removeTornRest(): Promise<void> {
    if (!this.#isTorn) return;
    await this.#disk.truncate(this.#file, this.#durableBytes);
    this.#isTorn = false;
  }
}

/** Makes names in a folder durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
