import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { listSegments, sealedSegmentName } from '../connectors/inbox/segments.js';
import { syncDirectory } from './segment-file.js';

const lineFeed = 0x0a;

export interface Recovery {
  /** The highest sequence that the stream has used; 0 for none. */
  readonly lastSequence: bigint;
  /** Segments of a dead process that were sealed, and bytes of unfinished lines that were cut from them. */
  readonly sealed: number;
  readonly cutBytes: number;
}

/**
 * Seals what a dead gateway left open. An unfinished last line is cut: an acknowledgement needs the whole line on the
 * disk, so nothing acknowledged is ever cut.
 */
export async function recoverSegments(directory: string): Promise<Recovery> {
  const before = await listSegments(directory);
  let lastSequence = BigInt(before.sealed.at(-1)?.sequence ?? 0);
  let cutBytes = 0;
  for (const path of before.open) {
    const sequence = basename(path, '.open');
    if (BigInt(sequence) > lastSequence) lastSequence = BigInt(sequence);
    cutBytes += await sealLeftover(directory, path, sequence);
  }
  await syncDirectory(directory);
  return { lastSequence, sealed: before.open.length, cutBytes };
}

async function sealLeftover(directory: string, path: string, sequence: string): Promise<number> {
  const file = await open(path, 'r+');
  let cut: number;
  let sha256: string | undefined;
  try {
    const content = await file.readFile();
    const end = content.lastIndexOf(lineFeed) + 1;
    cut = content.length - end;
    if (end > 0) {
      await file.truncate(end);
      await file.sync();
      sha256 = createHash('sha256').update(content.subarray(0, end)).digest('hex');
    }
  } finally {
    await file.close();
  }
  if (sha256 === undefined) await rm(path);
  else await rename(path, join(directory, sealedSegmentName(sequence, sha256)));
  return cut;
}
