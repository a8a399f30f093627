import { statfs } from 'node:fs/promises';

/** Whether the disk of a folder has the room that the gateway keeps free. */
export interface DiskRoom {
  /** The last answer; looks again in the background when that is old. Costs no wait. */
  hasRoom(): boolean;
  /** Looks now. Rejects where the folder cannot be looked up. */
  freeBytes(): Promise<number>;
}

export function createDiskRoom(
  directory: string,
  minFreeBytes: number,
  checkEveryMs: number,
  now: () => number,
): DiskRoom {
  let isEnough = true;
  let checkedAt = Number.NEGATIVE_INFINITY;
  const freeBytes = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(directory);
    isEnough = bavail * bsize >= minFreeBytes;
    return bavail * bsize;
  };
  return {
    freeBytes,
    hasRoom() {
      const at = now();
      if (Math.abs(at - checkedAt) >= checkEveryMs) {
        checkedAt = at;
        // A folder that cannot be looked up is found out by the write itself.
        freeBytes().catch(() => undefined);
      }
      return isEnough;
    },
  };
}
