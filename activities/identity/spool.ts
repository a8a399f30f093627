import { open, rm, type FileHandle } from 'node:fs/promises';
import type { StagingStore } from '../../connectors/staging.js';
import type { JsonObject } from '../../core/json.js';
import { writeFailure } from '../staged/staged-writer.js';

/** Rows that wait for their load in a file of JSON lines, so that no more than some of them are in memory. */
export class Spool {
  readonly path: string;
  #rows = 0;
  #file: FileHandle | undefined;

  constructor(staging: Pick<StagingStore, 'temporaryPath'>) {
    this.path = staging.temporaryPath('ndjson');
  }

  get rows(): number {
    return this.#rows;
  }

  /** @throws PipelineError DISK_FULL */
  async add(rows: readonly JsonObject[]): Promise<void> {
    if (rows.length === 0) return;
    try {
      this.#file ??= await open(this.path, 'w', 0o600);
      await this.#file.appendFile(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    } catch (error) {
      throw writeFailure(error);
    }
    this.#rows += rows.length;
  }

  /** The file is whole after this. */
  async end(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async remove(): Promise<void> {
    await this.end();
    await rm(this.path, { force: true });
  }
}
