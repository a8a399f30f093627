/** A half-open span of time, `start <= x < end`, as ISO 8601 UTC text with milliseconds. */
export interface DataInterval {
  readonly start: string;
  readonly end: string;
}

/** Normalises an ISO 8601 instant to UTC text with milliseconds; `undefined` where it is not an instant with a zone. */
export function parseInstant(text: string): string | undefined {
  const dateOnly = /^\d{4}-\d{2}-\d{2}$/.test(text);
  if (!dateOnly && !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text))
    return undefined;
  const milliseconds = Date.parse(dateOnly ? `${text}T00:00:00Z` : text);
  return Number.isNaN(milliseconds) ? undefined : new Date(milliseconds).toISOString();
}

/** Stable text key of an interval; `-` stands for a run without one. */
export function intervalKey(interval: DataInterval | undefined): string {
  return interval === undefined ? '-' : `${interval.start}/${interval.end}`;
}
