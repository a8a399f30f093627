import { createHash } from 'node:crypto';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import type { FoundFile } from './file-store.js';

/**
 * What a cursor says about files: those that were read last, oldest change first, each as the time of its change and a hash of
 * its name and version; and the change of the newest that is not in the list any more.
 */
interface ReadFiles {
  readonly value: string;
  readonly forgotten: number;
  readonly files: readonly string[];
}

/** Knows which files were read. The size of its cursor is bounded, however many there were. */
export interface FileMemory {
  isRead(file: FoundFile): boolean;
  add(file: FoundFile): void;
  /** What the next read begins with. */
  cursor(): JsonValue;
}

/**
 * A file is read unless the memory has its name with this version, or it changed before all that the memory still has. Files
 * whose change is older than that of `limits.fileRememberedFiles` others, and that were not there before, are not seen.
 */
export function fileMemory(cursor: JsonValue | undefined): FileMemory {
  const known = isReadFiles(cursor) ? cursor : { forgotten: -1, files: [] };
  let { forgotten } = known;
  const changes = new Map(
    known.files.map((entry) => {
      const [changed = '', hash = ''] = entry.split('.');
      return [hash, Number.parseInt(changed, 36)] as const;
    }),
  );
  // What is added counts for the next read: files of one read may have changed in the same moment.
  const before = { hashes: new Set(changes.keys()), forgotten };
  return {
    isRead: (file) => before.hashes.has(hashOf(file)) || file.modifiedAtMs <= before.forgotten,
    add(file) {
      changes.set(hashOf(file), Math.max(0, file.modifiedAtMs));
    },
    cursor() {
      const entries = [...changes].sort(([, left], [, right]) => left - right);
      for (const [hash, changed] of entries.splice(
        0,
        Math.max(0, entries.length - limits.fileRememberedFiles),
      )) {
        changes.delete(hash);
        forgotten = Math.max(forgotten, changed);
      }
      return {
        value: new Date(entries.at(-1)?.[1] ?? 0).toISOString(),
        forgotten,
        files: entries.map(([hash, changed]) => `${changed.toString(36)}.${hash}`),
      };
    },
  };
}

/** 72 bits: no name shows, and two of a thousand are as good as never alike. */
function hashOf({ name, version }: FoundFile): string {
  return createHash('sha256').update(`${name}\0${version}`).digest('base64url').slice(0, 12);
}

function isReadFiles(cursor: JsonValue | undefined): cursor is JsonValue & ReadFiles {
  if (typeof cursor !== 'object' || cursor === null || Array.isArray(cursor)) return false;
  const { forgotten, files } = cursor;
  return (
    typeof forgotten === 'number' &&
    Array.isArray(files) &&
    files.every((entry) => typeof entry === 'string' && /^[0-9a-z]+\.[\w-]{12}$/.test(entry))
  );
}
