const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds as a number, or text such as `500ms`, `30s`, `2m`, `1h`, `7d`. */
export type DurationInput = number | string;

/** Milliseconds of a duration; `undefined` where it is not one. */
export function parseDuration(input: DurationInput): number | undefined {
  if (typeof input === 'number') return Number.isSafeInteger(input) && input >= 0 ? input : undefined;
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(input.trim());
  const unit = unitMs[match?.[2] ?? ''];
  if (match === null || unit === undefined) return undefined;
  const milliseconds = Number(match[1]) * unit;
  return Number.isSafeInteger(milliseconds) ? milliseconds : undefined;
}
