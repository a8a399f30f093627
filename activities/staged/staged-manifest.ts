import { createHash } from 'node:crypto';
import { PipelineError } from '../../core/errors/index.js';
import { canonicalJson, type JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { zeroCounts, type Manifest, type StagedFile } from '../../core/loading/manifest.js';

/** Files of one read. */
export interface StagedKinds {
  readonly rows: readonly StagedFile[];
  readonly deletes: readonly StagedFile[];
  readonly rejects: readonly StagedFile[];
}

/** The manifest of a whole read. @throws PipelineError LIMIT_EXCEEDED */
export function manifestOf(
  files: StagedKinds,
  delivered: number,
  rejected: number,
  { cursor, typedHash }: { readonly cursor: JsonValue | undefined; readonly typedHash: string | undefined },
): Manifest {
  const fileCount = files.rows.length + files.deletes.length + files.rejects.length;
  if (fileCount > limits.manifestMaxFiles) {
    throw new PipelineError('LIMIT_EXCEEDED', {
      what: 'The number of staged files of one extract',
      actual: fileCount,
      limit: 'manifestMaxFiles',
      allowed: limits.manifestMaxFiles,
    });
  }
  return {
    manifestVersion: 1,
    files: files.rows,
    deletes: files.deletes,
    rejects: files.rejects,
    counts: { ...zeroCounts, extracted: delivered + rejected, quarantined: rejected },
    contentHash: contentHash(files, typedHash),
    ...(cursor !== undefined && { cursor }),
    ingestedAt: new Date().toISOString(),
  };
}

/** Typed files are cut and compressed as it came; what stands for them is the hash of the text that they were made from. */
function contentHash({ rows, deletes, rejects }: StagedKinds, typedHash: string | undefined): string {
  const hashes = (list: readonly StagedFile[]): string[] => list.map((file) => file.sha256);
  const content = {
    rows: typedHash === undefined ? hashes(rows) : { typed: typedHash },
    deletes: hashes(deletes),
    rejects: hashes(rejects),
  };
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}
