import { randomUUID } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** Makes a folder whole or not at all; processes that want the same one wait for the first. */
export async function once(
  folder: string,
  product: string,
  make: (target: string) => Promise<void>,
): Promise<string> {
  const lock = `${folder}.lock`;
  const building = `${folder}.building`;
  mkdirSync(join(folder, '..'), { recursive: true });
  while (!existsSync(product)) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
    } catch {
      if (isAbandoned(lock)) removeAbandoned(lock);
      await new Promise((resolve) => setTimeout(resolve, 500));
      continue;
    }
    try {
      rmSync(building, { recursive: true, force: true });
      await make(building);
      rmSync(folder, { recursive: true, force: true });
      renameSync(building, folder);
    } finally {
      rmSync(building, { recursive: true, force: true });
      rmSync(lock, { force: true });
    }
  }
  return product;
}

/**
 * Removes a lock that was judged abandoned. Another process that judged so too may have removed it, and taken its own: so it
 * is judged again under a name that nobody else has, and put back where somebody holds it.
 */
export function removeAbandoned(lock: string): void {
  const aside = `${lock}.${randomUUID()}`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  try {
    if (!isAbandoned(aside)) linkSync(aside, lock);
  } catch {
    // A third process took the lock in the moment that it was away.
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Whether the process that wrote a lock has ended, or has written nothing for long. */
function isAbandoned(lock: string): boolean {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0) return Date.now() - statSync(lock).mtimeMs > 10_000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
