import { open, readFile, type FileHandle } from 'node:fs/promises';
import { PipelineError } from '../../core/errors/index.js';
import { systemErrorCode } from '../system-error.js';
import type { LoadRequest } from '../warehouse.js';

/** Path of the journal beside a database file. */
export const journalPath = (databasePath: string): string => `${databasePath}.loads.ndjson`;

/**
 * The load journal: one line a load, durable before its transaction begins, so that a database file that no longer opens
 * can be made again from staging.
 *
 * A line whose transaction never committed does no harm: its files are what the source delivered, its retry carries the
 * same load id, and whichever of the two comes second finds the marker of the first.
 */
export class LoadJournal {
  readonly #path: string;
  #handle: FileHandle | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws PipelineError DISK_FULL */
  async append(request: LoadRequest): Promise<void> {
    try {
      this.#handle ??= await open(this.#path, 'a');
      await this.#handle.appendFile(`${JSON.stringify(request)}\n`);
      await this.#handle.datasync();
    } catch (error) {
      throw new PipelineError(
        'DISK_FULL',
        { what: 'the load journal', reason: systemErrorCode(error) ?? 'unknown' },
        { cause: error },
      );
    }
  }

  /** Every load in order; a line torn by a kill belongs to a load that never began. */
  async read(): Promise<LoadRequest[]> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    const requests: LoadRequest[] = [];
    for (const line of text.split('\n')) {
      if (line === '') continue;
      try {
        requests.push(JSON.parse(line) as LoadRequest);
      } catch {
        continue;
      }
    }
    return requests;
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}
