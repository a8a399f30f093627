import { PipelineError } from '../core/errors/index.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import { optionProblems } from './option-problems.js';
import type { ReadRequest } from './source.js';

/**
 * Where a cut read goes on, in the form that the source gives it; `undefined` for a read from the beginning.
 *
 * @param schema JSON Schema of that form: another release may have written another one
 * @throws PipelineError SOURCE_RESUME
 */
export function resumeOf(
  source: string,
  { resume }: Pick<ReadRequest, 'resume'>,
  schema: JsonObject,
): JsonObject | undefined {
  if (resume === undefined) return undefined;
  const [problem] = optionProblems(schema, resume, 'its place');
  if (problem === undefined) return resume as JsonObject;
  throw resumeFailure(source, problem);
}

/** A place with the cursor behind it; none where there is none. */
export function withCursor<Place extends JsonObject>(
  place: Place | undefined,
  cursor: JsonValue | undefined,
): (Place & { cursor?: JsonValue }) | undefined {
  return place && { ...place, ...(cursor !== undefined && { cursor }) };
}

/** @param reason a sentence without the values of the place */
export function resumeFailure(source: string, reason: string): PipelineError {
  return new PipelineError('SOURCE_RESUME', { source, reason });
}
