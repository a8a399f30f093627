import type { CalendarField, CalendarOptions } from './schedule-options.js';
import type { CronText } from './schedule-spec.js';

/** One field of a calendar, as the server's cron has it. */
interface Field {
  readonly name: keyof CalendarOptions;
  readonly label: string;
  readonly min: number;
  readonly max: number;
  /** Names from `min` on; a prefix of at least `prefix` letters is enough, as for a Temporal server. */
  readonly names?: readonly string[];
  readonly prefix?: number;
}

const months = 'january february march april may june july august september october november december'.split(
  ' ',
);
const days = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ');

/** In the order of canonical cron text. Years as the server knows them. */
const fields: readonly Field[] = [
  { name: 'second', label: 'second', min: 0, max: 59 },
  { name: 'minute', label: 'minute', min: 0, max: 59 },
  { name: 'hour', label: 'hour', min: 0, max: 23 },
  { name: 'dayOfMonth', label: 'day of month', min: 1, max: 31 },
  { name: 'month', label: 'month', min: 1, max: 12, names: months, prefix: 3 },
  { name: 'dayOfWeek', label: 'day of week', min: 0, max: 7, names: days, prefix: 2 },
  { name: 'year', label: 'year', min: 2000, max: 2100 },
];

/** Presets of Airflow. Temporal takes the same, except `@quarterly`, which only Airflow has. */
const presets: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@quarterly': '0 0 1 */3 *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

export const presetNames = Object.keys(presets);

/** Thrown for text that is no calendar; the message says which field and why. */
export class CronTextError extends Error {}

/**
 * Canonical text of a cron expression: five fields (minute … day of week), six (and year), seven (second … year), or a
 * preset. The rules are those of a Temporal server: `*`, `5`, `1-5`, `1-5/2`, `5/10` (from 5 to the end), lists, names.
 *
 * @throws CronTextError
 */
export function parseCron(text: string): CronText {
  const trimmed = text.trim();
  if (trimmed.startsWith('@') && presets[trimmed] === undefined)
    throw new CronTextError(`there is no preset ${trimmed}; known: ${presetNames.join(', ')}`);
  if (/^(CRON_)?TZ=/.test(trimmed)) throw new CronTextError('put the time zone into "timezone"');
  const parts = (presets[trimmed] ?? trimmed).split(/\s+/);
  if (parts.length < 5 || parts.length > 7)
    throw new CronTextError(
      `it has ${String(parts.length)} fields; use 5, 6 (year last) or 7 (second first)`,
    );
  const all = [...(parts.length < 7 ? ['0'] : []), ...parts, ...(parts.length === 5 ? ['*'] : [])];
  return fields.map((field, index) => canonical(field, all[index] ?? '*')).join(' ');
}

/**
 * Canonical text of a calendar. `whole` tells what an absent time of day means: 0 for fire times, every value for exclusions.
 *
 * @throws CronTextError
 */
export function calendarText(calendar: CalendarOptions, whole: 'midnight' | 'day'): CronText {
  const known = fields.map(({ name }) => name);
  const unknown = Object.keys(calendar).filter((name) => !(known as readonly string[]).includes(name));
  if (unknown.length > 0)
    throw new CronTextError(`it has the unknown field ${unknown.join(', ')}; known: ${known.join(', ')}`);
  return fields
    .map((field, index) => {
      const value = calendar[field.name];
      return canonical(
        field,
        value === undefined ? (index < 3 && whole === 'midnight' ? '0' : '*') : fieldText(value),
      );
    })
    .join(' ');
}

/** A single date, every second of it. @throws CronTextError */
export function dateText(date: string): CronText {
  const [year = '', month = '', day = ''] = date.split('-');
  const dayOfMonth = Number(day);
  if (new Date(Date.UTC(Number(year), Number(month) - 1, dayOfMonth)).getUTCDate() !== dayOfMonth)
    throw new CronTextError('there is no such date');
  return calendarText({ year: Number(year), month: Number(month), dayOfMonth }, 'day');
}

/** Canonical text of one instant, in UTC. @throws CronTextError */
export function instantText(instant: string): CronText {
  const time = new Date(instant);
  return calendarText(
    {
      year: time.getUTCFullYear(),
      month: time.getUTCMonth() + 1,
      dayOfMonth: time.getUTCDate(),
      hour: time.getUTCHours(),
      minute: time.getUTCMinutes(),
      second: time.getUTCSeconds(),
    },
    'midnight',
  );
}

/** The ranges of canonical text by field, for an API that takes calendars in parts. */
export function calendarRanges(
  text: CronText,
): Record<keyof CalendarOptions, { start: number; end: number; step: number }[]> {
  const parts = text.split(' ');
  return Object.fromEntries(
    fields.map((field, index) => [
      field.name,
      (parts[index] ?? '*').split(',').map((part) => {
        const range = parseRange(field, part);
        return { ...range, end: field.name === 'dayOfWeek' ? Math.min(range.end, 6) : range.end };
      }),
    ]),
  ) as Record<keyof CalendarOptions, { start: number; end: number; step: number }[]>;
}

/** The shortest usual form: five fields where second and year say nothing. */
export function shortCron(text: CronText): string {
  const parts = text.split(' ');
  if (parts[0] !== '0') return text;
  return parts.slice(1, parts[6] === '*' ? 6 : 7).join(' ');
}

function fieldText(value: CalendarField): string {
  if (Array.isArray(value)) return (value as readonly CalendarField[]).map(fieldText).join(',');
  if (typeof value === 'object' && 'start' in value) {
    const { start, end, step } = value;
    return `${String(start)}${end === undefined ? '' : `-${String(end)}`}${step === undefined ? '' : `/${String(step)}`}`;
  }
  return String(value);
}

/** The values of a field, written as ranges: equal fields have equal text. */
function canonical(field: Field, text: string): string {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const { start, end, step } = parseRange(field, part);
    for (let value = start; value <= end; value += step)
      values.add(field.name === 'dayOfWeek' && value === 7 ? 0 : value);
  }
  const sorted = [...values].sort((a, b) => a - b);
  const size = field.name === 'dayOfWeek' ? 7 : field.max - field.min + 1;
  if (sorted.length === size) return '*';
  const [first = 0, second = first] = sorted;
  const step = second - first;
  const isEven =
    sorted.length > 2 && step > 1 && sorted.every((value, index) => value === first + index * step);
  if (isEven) return `${String(first)}-${String(sorted.at(-1))}/${String(step)}`;
  const ranges: [number, number][] = [];
  for (const value of sorted) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === value - 1) last[1] = value;
    else ranges.push([value, value]);
  }
  return ranges
    .map(([start, end]) => (start === end ? String(start) : `${String(start)}-${String(end)}`))
    .join(',');
}

function parseRange(field: Field, part: string): { start: number; end: number; step: number } {
  const [, from = '', to, stepText] = /^([^-/]+)(?:-([^-/]+))?(?:\/(\d+))?$/.exec(part) ?? [];
  const step = stepText === undefined ? 1 : Number(stepText);
  if (from === '' || step < 1 || (from === '*' && to !== undefined)) {
    throw new CronTextError(`${field.label} "${part}" cannot be read; use 5, 1-5, 1-5/2, */10 or a list`);
  }
  if (from === '*') return { start: field.min, end: field.max, step };
  const start = parseValue(field, from);
  const last = to === undefined ? (stepText === undefined ? start : field.max) : parseValue(field, to);
  // A week may be written from any day to Sunday.
  const end = field.name === 'dayOfWeek' && last === 0 && start > 0 ? 7 : last;
  if (end < start) throw new CronTextError(`${field.label} "${part}" ends before it starts`);
  return { start, end, step };
}

function parseValue(field: Field, text: string): number {
  const name = text.toLowerCase();
  const index =
    name.length >= (field.prefix ?? Infinity) ? field.names?.findIndex((item) => item.startsWith(name)) : -1;
  const value =
    index === undefined || index < 0 ? (/^\d+$/.test(text) ? Number(text) : NaN) : index + field.min;
  if (value >= field.min && value <= field.max) return value;
  throw new CronTextError(
    `${field.label} "${text}" is not ${String(field.min)} to ${String(field.max)}${field.names === undefined ? '' : ' or a name'}`,
  );
}
