import { Connection } from '@temporalio/client';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../config.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { temporalConnection, type TemporalConnection } from './connection-options.js';
import { explainFailure } from './explain-failure.js';

/** A connection to the project's Temporal server. @throws PipelineError CONFIG_INVALID, TEMPORAL_UNAVAILABLE */
export async function connectTemporal(settings: Settings): Promise<Connection> {
  return connectTo(temporalTarget(settings));
}

/** @throws PipelineError TEMPORAL_UNAVAILABLE saying why */
export async function connectTo(target: TemporalConnection): Promise<Connection> {
  const connection = Connection.lazy({ ...target, connectTimeout: limits.temporalConnectMaxMs });
  try {
    await connection.ensureConnected();
    return connection;
  } catch (error) {
    await connection.close();
    throw await temporalUnavailable(target, error);
  }
}

/** A failure to connect as the error that people read. */
export async function temporalUnavailable(
  target: TemporalConnection,
  error: unknown,
): Promise<PipelineError> {
  const reasons = await explainFailure(target, error);
  return new PipelineError('TEMPORAL_UNAVAILABLE', { reasons }, { cause: error });
}

/** How the project's Temporal server is reached; holds secrets. @throws PipelineError CONFIG_INVALID */
export function temporalTarget(settings: Settings): TemporalConnection {
  return temporalConnection(settings.temporal, developmentAddress(settings));
}

/** The address of the project's running development server, else Temporal's default. */
function developmentAddress(settings: Settings): string {
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
