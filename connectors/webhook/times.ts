import { formatRules, matchesFormat } from '../../schemas/formats.js';

/** Seconds since 1970, with a fraction or without, as ISO 8601 UTC; digits of the fraction stay as they are. */
export function isoFromSeconds(text: string | undefined): string | undefined {
  const [, whole, fraction = ''] = /^(\d{1,11})(?:\.(\d{1,9}))?$/.exec(text ?? '') ?? [];
  if (whole === undefined) return undefined;
  const seconds = new Date(Number(whole) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${fraction.slice(0, 6).padEnd(3, '0')}Z`;
}

/** Milliseconds since 1970 as ISO 8601 UTC. */
export function isoFromMilliseconds(text: string | undefined): string | undefined {
  return /^\d{1,14}$/.test(text ?? '') ? new Date(Number(text)).toISOString() : undefined;
}

/**
 * A time in ISO 8601 with a zone, in the form of RFC 3339: `T` between date and time, `Z` or an offset with a colon, at most
 * six digits of a second. `undefined` for a time without a zone, which could be any of 24 hours.
 */
export function isoFromText(text: string | undefined): string | undefined {
  const [, date, time, fraction = '', zone] = isoForm.exec(text ?? '') ?? [];
  if (date === undefined || time === undefined || zone === undefined) return undefined;
  const iso = `${date}T${time}${fraction.slice(0, 7)}${zoneText(zone)}`;
  return rule !== undefined && matchesFormat(rule, iso) ? iso : undefined;
}

const isoForm = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,9})? ?(Z|UTC|[+-]\d\d(?::?\d\d)?)$/i;
const rule = formatRules['date-time'];

function zoneText(zone: string): string {
  if (/^[A-Z]/i.test(zone)) return 'Z';
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone.slice(0, 1)}${digits.slice(0, 2)}:${digits.slice(2)}`;
}
