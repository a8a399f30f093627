import { parseDuration } from '../core/duration.js';
import { PipelineError } from '../core/errors/index.js';

/** Milliseconds of a duration that the schema of the settings has accepted. */
export function durationMs(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined)
    throw new PipelineError('INTERNAL', { where: 'settings', reason: `"${text}" is no duration` });
  return milliseconds;
}
