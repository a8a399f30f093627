import type { JsonObject, JsonValue } from '../json.js';
import type { Manifest, StagedFile } from '../loading/manifest.js';

/** What a task hands on, as a workflow holds it: JSON, a manifest of rows, or a name for either. */
export type TaskOutput = JsonValue | Manifest | ParkedValue | MappedOutput;

/** One value that lies in the staging store, the first line of a file. */
export interface ParkedValue {
  readonly $parked: StagedFile;
  /** Number of elements where the value is a list or an object. */
  readonly length?: number;
}

/** What the instances of a mapped task handed on, in order of their index; one that gave nothing is left out. */
export interface MappedOutput {
  readonly $mapped: readonly MappedChunk[];
}

/** Consecutive results: here, or as the lines of a staged file. */
export type MappedChunk =
  | { readonly count: number; readonly values: readonly TaskOutput[] }
  | { readonly count: number; readonly parked: StagedFile };

/** The arguments that one instance of a mapped task or group runs for: here, or as a line of a staged file. */
export type ElementRef =
  | { readonly value: JsonObject; readonly label: string }
  | { readonly file: StagedFile; readonly line: number };

export function isParked(value: unknown): value is ParkedValue {
  return typeof value === 'object' && value !== null && '$parked' in value;
}

export function isMapped(value: unknown): value is MappedOutput {
  return typeof value === 'object' && value !== null && '$mapped' in value;
}

/** Whether a value is all here, so that a workflow can look into it. */
export function isInline(value: TaskOutput): value is JsonValue {
  if (isParked(value)) return false;
  return (
    !isMapped(value) || value.$mapped.every((chunk) => 'values' in chunk && chunk.values.every(isInline))
  );
}

/** The value of an output that is all here; results of a mapped task become a list. */
export function inlineValue(value: TaskOutput): JsonValue {
  if (!isMapped(value)) return value as JsonValue;
  return value.$mapped.flatMap((chunk) => ('values' in chunk ? chunk.values.map(inlineValue) : []));
}
