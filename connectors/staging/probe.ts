import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { ObjectStore } from './object-store.js';
import { retrying } from './store-failure.js';

/**
 * Writes, reads and removes a small object under `probe/`, which is no staged file. What went wrong names the step, since
 * each needs a right of its own.
 *
 * @throws PipelineError STAGING_REFUSED, STAGING_UNAVAILABLE
 */
export async function probeObjects(objects: ObjectStore): Promise<void> {
  const key = `probe/${randomUUID()}`;
  const content = Buffer.from(key);
  await step(objects.url, 'write', () =>
    retrying(async () => {
      const isWritten = await objects.put({
        ...{ key, bytes: content.length, body: Readable.from([content], { objectMode: false }) },
        ...{ replaces: undefined, signal: AbortSignal.timeout(limits.stagingStallMs) },
      });
      // A try whose answer was lost has left it there already.
      if (!isWritten && (await objects.head(key)) === undefined)
        throw unavailable(objects.url, 'it was not taken');
    }),
  );
  try {
    await step(objects.url, 'read', () =>
      retrying(async () => {
        const body = await objects.get(key);
        const chunks: Buffer[] = [];
        for await (const chunk of body ?? []) chunks.push(chunk as Buffer);
        if (!Buffer.concat(chunks).equals(content)) throw unavailable(objects.url, 'it came back otherwise');
      }),
    );
  } finally {
    await step(objects.url, 'delete', () =>
      retrying(async () => {
        const info = await objects.head(key);
        if (info !== undefined) await objects.remove(key, info.version);
      }),
    );
  }
}

async function step(url: string, name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { code, context } = error as { code?: unknown; context?: { reason?: unknown } };
    if (code !== 'STAGING_REFUSED' && code !== 'STAGING_UNAVAILABLE') throw error;
    const reason = `to ${name} a small object there: ${String(context?.reason)}`;
    throw new PipelineError(code, { url, reason }, { cause: error });
  }
}

function unavailable(url: string, reason: string): PipelineError {
  return new PipelineError('STAGING_UNAVAILABLE', { url, reason });
}
