import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../../core/duration.js';
import { PipelineError } from '../../core/errors/index.js';
import { parseInstant, type DataInterval } from '../../core/interval.js';
import type { JsonObject } from '../../core/json.js';
import { limits } from '../../core/limits.js';

/** A positive whole number. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('Use a whole number from 1 on.');
  return value;
}

/** Milliseconds of a duration. */
export function parseDurationMs(text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === undefined) throw new InvalidArgumentError('Use a duration such as 30s, 5m or 1h.');
  return durationMs;
}

/** A pool's size. */
export function parseSlots(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > limits.poolMaxSlots)
    throw new InvalidArgumentError(`Use a whole number from 0 to ${String(limits.poolMaxSlots)}.`);
  return value;
}

/** Run parameters. */
export function parseParams(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    throw new InvalidArgumentError('This is not JSON.');
  }
  throw new InvalidArgumentError('Parameters are a JSON object.');
}

/** Names between commas. */
export function parseNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('Use names between commas.');
  return names;
}

/** `2026`, `2026-01`, `2026-01-31`, or an instant with a zone; ISO 8601 UTC text. */
export function parseTime(text: string): string {
  const padded = /^\d{4}$/.test(text) ? `${text}-01-01` : /^\d{4}-\d{2}$/.test(text) ? `${text}-01` : text;
  const instant = parseInstant(padded);
  if (instant === undefined)
    throw new InvalidArgumentError('Use 2026-01, 2026-01-31 or 2026-01-31T12:00:00Z.');
  return instant;
}

/** The data interval that `--from` and `--to` name together, or none. @throws PipelineError USAGE */
export function intervalOption(
  start: string | undefined,
  end: string | undefined,
): { interval?: DataInterval } {
  if (start === undefined && end === undefined) return {};
  if (start === undefined || end === undefined || start >= end) {
    throw new PipelineError('USAGE', {
      problem: '--from and --to name a data interval together',
      hint: 'Give both, --from before --to',
    });
  }
  return { interval: { start, end } };
}

/** A JSON object. */
export function parseJsonObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    throw new InvalidArgumentError('This is not JSON.');
  }
  throw new InvalidArgumentError('Use a JSON object, such as \'{"rows": 120}\'.');
}
