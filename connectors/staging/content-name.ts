import type { StagedFile } from '../../core/loading/manifest.js';

/** Name of a staged file: its content's hash, its format, and `.enc` where the bytes are encrypted. */
export const contentName = /^(?<sha256>[0-9a-f]{64})\.(?:ndjson|parquet)(?<encrypted>\.enc)?$/;

export function nameOf({ sha256, format }: StagedFile, isEncrypted: boolean): string {
  return `${sha256}.${format}${isEncrypted ? '.enc' : ''}`;
}
