import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createReadStream, mkdirSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PipelineError } from '../../core/errors/index.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import { faultPoint } from '../fault-point.js';
import type { StagedEntry, StagingStore } from '../staging.js';
import { systemErrorCode } from '../system-error.js';
import { contentName } from './content-name.js';

/** Leftovers of a process carry its id and a mark of its own: `<pid>-<mark>-<uuid>.<extension>`. */
const temporaryName = /^(\d+)-/;

/**
 * How the names of this process begin. The mark tells them from those of an earlier process with the same id: what runs in
 * a container often has the same one after each start.
 */
const ownPrefix = `${String(process.pid)}-${randomBytes(4).toString('hex')}-`;
const newName = (extension: string): string => `${ownPrefix}${randomUUID()}.${extension}`;

/**
 * Staging in a folder of the local disk:
 *
 *     <directory>/ab/abcdef….ndjson   whole, durable, immutable; named by SHA-256
 *     <directory>/tmp/<pid>-….ndjson  being written; swept at a start once its process is gone
 *     <directory>/corrupt/            set aside because the content no longer fits the name
 *
 * The time of a file says when it was last written or asked for.
 */
export function createLocalStaging({ directory }: { readonly directory: string }): StagingStore {
  const temporary = join(directory, 'tmp');
  /** Files whose content this process has checked; they cannot change under their name by our own hand. */
  const verified = new Set<string>();

  const finalPath = ({ sha256, format }: Pick<StagedFile, 'sha256' | 'format'>) =>
    join(directory, sha256.slice(0, 2), `${sha256}.${format}`);

  const adopt: StagingStore['adopt'] = async (path, format, rows) => {
    const { sha256, bytes } = await digest(path);
    const file: StagedFile = { uri: `staging:${sha256}.${format}`, sha256, bytes, rows, format };
    const target = finalPath(file);
    await orDiskFull(file.uri, async () => {
      await mkdir(join(target, '..'), { recursive: true });
      await syncPath(path);
      faultPoint('before-stage');
      await rename(path, target);
      await syncPath(join(target, '..'));
    });
    verified.add(file.uri);
    faultPoint('after-stage');
    return file;
  };

  return {
    place: directory,
    async check() {
      await orDiskFull(directory, () => mkdir(temporary, { recursive: true }));
    },
    async probe() {
      await orDiskFull(directory, async () => {
        await mkdir(temporary, { recursive: true });
        const path = join(temporary, newName('probe'));
        try {
          await writeFile(path, path);
          await readFile(path);
        } finally {
          await rm(path, { force: true });
        }
      });
    },
    async write(chunks, rows) {
      const path = join(temporary, newName('ndjson'));
      await orDiskFull('a staged file', async () => {
        await mkdir(temporary, { recursive: true });
        const handle = await open(path, 'w');
        try {
          for await (const chunk of chunks) await handle.writeFile(chunk);
        } catch (error) {
          await handle.close();
          await rm(path, { force: true });
          throw error;
        }
        await handle.close();
      });
      return adopt(path, 'ndjson', rows);
    },
    temporaryPath(extension) {
      mkdirSync(temporary, { recursive: true });
      return join(temporary, newName(extension));
    },
    adopt,
    async localPath(file) {
      const path = finalPath(file);
      try {
        const now = new Date();
        await utimes(path, now, now);
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT')
          throw new PipelineError('STAGING_MISSING', { uri: file.uri });
        throw error;
      }
      if (verified.has(file.uri) && (await stat(path)).size === file.bytes) return path;
      const { sha256 } = await digest(path);
      if (sha256 !== file.sha256) {
        verified.delete(file.uri);
        await mkdir(join(directory, 'corrupt'), { recursive: true });
        await rename(path, join(directory, 'corrupt', `${String(Date.now())}-${file.sha256}.${file.format}`));
        throw new PipelineError('STAGING_CORRUPT', { uri: file.uri });
      }
      verified.add(file.uri);
      return path;
    },
    async sweep() {
      const names = await readdir(temporary).catch(() => []);
      let swept = 0;
      for (const name of names) {
        const pid = Number(temporaryName.exec(name)?.[1] ?? 0);
        if (pid === process.pid ? name.startsWith(ownPrefix) : isAlive(pid)) continue;
        await rm(join(temporary, name), { force: true, recursive: true });
        swept += 1;
      }
      return swept;
    },
    async *entries() {
      for (const folder of await readdir(directory).catch(() => [])) {
        if (!/^[0-9a-f]{2}$/.test(folder)) continue;
        for (const name of await readdir(join(directory, folder))) {
          const known = contentName.exec(name)?.groups;
          const state = await stat(join(directory, folder, name)).catch(() => undefined);
          if (known === undefined || state === undefined) continue;
          yield { name, sha256: known['sha256'] ?? '', bytes: state.size, usedAtMs: state.mtimeMs };
        }
      }
    },
    async remove({ name, sha256, usedAtMs }: StagedEntry) {
      const path = join(directory, name.slice(0, 2), name);
      const state = await stat(path).catch(() => undefined);
      if (state === undefined || state.mtimeMs > usedAtMs) return false;
      await rm(path, { force: true });
      for (const uri of verified) if (uri.startsWith(`staging:${sha256}.`)) verified.delete(uri);
      return true;
    },
  };
}

async function digest(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** @throws PipelineError DISK_FULL in the place of the system's error */
export async function orDiskFull<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined || !['ENOSPC', 'EROFS', 'EDQUOT', 'EIO', 'EFBIG'].includes(code)) throw error;
    throw new PipelineError('DISK_FULL', { what, reason: code }, { cause: error });
  }
}

function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
