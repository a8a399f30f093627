import { randomBytes, scrypt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { StagingStore } from '../../connectors/staging.js';
import type { ReadRequest } from '../../connectors/source.js';
import { isPipelineError } from '../../core/errors/index.js';
import { canonicalJson, type JsonValue } from '../../core/json.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import type { WriterState } from '../staged/staged-writer.js';

/** How far a read has come: all that it delivered, in staged files, and where the source goes on. */
export interface Checkpoint {
  readonly rows: WriterState;
  readonly deletes: WriterState;
  /** Rejects so far, without their positions, which depend on how many rows there are in the end. */
  readonly rejects: readonly StagedFile[];
  readonly staged: { readonly rows: number; readonly deletes: number };
  readonly cursor?: JsonValue;
  readonly resume: JsonValue;
}

/** Notes how far one read has come, for the try after. */
export interface CheckpointStore {
  /** What the try before noted of this very read. @throws PipelineError STAGING_UNAVAILABLE */
  recall(details: unknown): Promise<Recalled>;
  /** @returns the file that `recall` has to be given as `{ checkpoint: file }` */
  save(checkpoint: Checkpoint): Promise<StagedFile>;
}

/** Neither: nothing was noted. */
export interface Recalled {
  readonly former?: { readonly checkpoint: Checkpoint; readonly file: StagedFile };
  /** Why what was noted is of no use. */
  readonly problem?: string;
}

interface CheckpointDocument {
  readonly version: number;
  readonly salt: string;
  readonly fingerprint: string;
  readonly checkpoint: Checkpoint;
}

const documentVersion = 1;

const derive = promisify<string, string, number, Buffer>(scrypt);

/**
 * A checkpoint is a staged file: page cursors may hold personal data, and what is in a bucket is encrypted while what
 * Temporal keeps may not be. It is of one read only: another connection, other options or another cursor give another
 * fingerprint. Secrets of the connection are part of what is hashed, so the hash is one of those made for passwords.
 */
export function createCheckpointStore(
  staging: StagingStore,
  connector: string,
  { credentials: _renewed, resume: _resume, ...read }: ReadRequest,
): CheckpointStore {
  const salt = randomBytes(16).toString('hex');
  const identity = canonicalJson({ connector, read: read as unknown as JsonValue });
  const fingerprintBy = async (by: string) => (await derive(identity, by, 32)).toString('hex');
  let fingerprint: Promise<string> | undefined;
  return {
    async recall(details) {
      const file = fileOf(details);
      if (file === undefined) return {};
      try {
        const text = await readFile(await staging.localPath(file), 'utf8');
        const found = JSON.parse(text) as CheckpointDocument;
        if (found.version !== documentVersion || found.fingerprint !== (await fingerprintBy(found.salt)))
          return { problem: 'it is of another read' };
        return { former: { checkpoint: found.checkpoint, file } };
      } catch (error) {
        if (isPipelineError(error) && error.retryable) throw error;
        return { problem: isPipelineError(error) ? error.code : 'it cannot be read' };
      }
    },
    async save(checkpoint) {
      fingerprint ??= fingerprintBy(salt);
      const document: CheckpointDocument = {
        version: documentVersion,
        salt,
        fingerprint: await fingerprint,
        checkpoint,
      };
      return staging.write([Buffer.from(`${JSON.stringify(document)}\n`)], 1);
    },
  };
}

function fileOf(details: unknown): StagedFile | undefined {
  if (typeof details !== 'object' || details === null || !('checkpoint' in details)) return undefined;
  return details.checkpoint as StagedFile;
}
