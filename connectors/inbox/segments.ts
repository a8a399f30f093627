import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PipelineError } from '../../core/errors/index.js';

/** A sealed inbox segment: it never changes again. */
export interface SealedSegment {
  /** Twenty digits; order of sequences is order of arrival. */
  readonly sequence: string;
  readonly sha256: string;
  readonly path: string;
}

export interface SegmentListing {
  /** In order of sequence. */
  readonly sealed: readonly SealedSegment[];
  /** Paths of segments that a gateway is still writing, or left behind when it died. */
  readonly open: readonly string[];
}

const sequenceDigits = 20;
const sealedName = /^(\d{20})-([0-9a-f]{64})\.ndjson$/;
const openName = /^\d{20}\.open$/;

export function formatSequence(sequence: bigint): string {
  return sequence.toString().padStart(sequenceDigits, '0');
}

/** When a segment was begun, milliseconds since 1970: the gateway makes a sequence of its clock. */
export function sequenceTimeMs(sequence: string): number {
  return Number(BigInt(sequence) / 1000n);
}

export function openSegmentName(sequence: string): string {
  return `${sequence}.open`;
}

export function sealedSegmentName(sequence: string, sha256: string): string {
  return `${sequence}-${sha256}.ndjson`;
}

/**
 * Folder of one stream: `segment`, `webhooks/<source>` or `push/<stream>`. The name is checked before it becomes a path.
 *
 * @throws PipelineError IDENTIFIER_REFUSED
 */
export function streamDirectory(inboxDirectory: string, stream: string): string {
  if (!/^(segment|(webhooks|push)\/[A-Za-z][A-Za-z0-9_-]{0,127})$/.test(stream)) {
    throw new PipelineError('IDENTIFIER_REFUSED', {
      what: 'inbox stream',
      name: JSON.stringify(stream.slice(0, 160)),
      reason: 'a stream is "segment", "webhooks/<source>" or "push/<stream>"',
    });
  }
  return join(inboxDirectory, stream);
}

/**
 * Segments of a stream's folder, which is made when it is missing. Where a gateway seals segments at the same time, the
 * listing is a prefix of them: reading a folder is not atomic and may miss a file that is being renamed, so the first
 * reading only tells how far to go, and the second one, which then sees every file up to there, is the answer.
 */
export async function listSegments(directory: string): Promise<SegmentListing> {
  await mkdir(directory, { recursive: true });
  const last = readNames(directory, await readdir(directory)).sealed.at(-1)?.sequence ?? '';
  const { sealed, open } = readNames(directory, await readdir(directory));
  return { sealed: sealed.filter(({ sequence }) => sequence <= last), open };
}

function readNames(directory: string, names: readonly string[]): SegmentListing {
  const sealed: SealedSegment[] = [];
  const open: string[] = [];
  for (const name of [...names].sort()) {
    const [, sequence, sha256] = sealedName.exec(name) ?? [];
    if (sequence !== undefined && sha256 !== undefined)
      sealed.push({ sequence, sha256, path: join(directory, name) });
    else if (openName.test(name)) open.push(join(directory, name));
  }
  return { sealed, open };
}
