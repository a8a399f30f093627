import { Connection } from '@temporalio/client';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../config.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';

/** A connection to the project's Temporal server. @throws PipelineError TEMPORAL_UNAVAILABLE */
export async function connectTemporal(settings: Settings): Promise<Connection> {
  const address = temporalAddress(settings);
  try {
    return await Connection.connect({ address, connectTimeout: limits.temporalConnectMaxMs });
  } catch (error) {
    throw new PipelineError(
      'TEMPORAL_UNAVAILABLE',
      { reasons: [`no answer at ${address}`, 'start one with "millrace dev", or set TEMPORAL_ADDRESS'] },
      { cause: error },
    );
  }
}

/** The configured address, else that of the project's running development server, else Temporal's default. */
export function temporalAddress(settings: Settings): string {
  if (settings.temporal.address !== undefined) return settings.temporal.address;
  const note = join(settings.dataDirectory, 'temporal.json');
  if (existsSync(note)) {
    try {
      return (JSON.parse(readFileSync(note, 'utf8')) as { address: string }).address;
    } catch {
      // A torn note is a server that is just starting or gone; the default address gives the clear error.
    }
  }
  return '127.0.0.1:7233';
}
