/**
 * Formats whose meaning is the same in ajv and in SQL. The patterns use only what JavaScript and RE2 read alike, and
 * `isDay` decides what a pattern cannot: whether the day exists.
 */
export interface FormatRule {
  readonly pattern: string;
  /** The first ten characters are a date that must exist. */
  readonly hasDate: boolean;
}

const day = '[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])';
const time = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]';

export const formatRules: Readonly<Record<string, FormatRule>> = {
  /** RFC 3339 with an upper-case T and Z; at most microseconds, since nothing finer is kept; no leap second. */
  'date-time': {
    pattern: `^${day}T${time}(?:[.][0-9]{1,6}0*)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$`,
    hasDate: true,
  },
  date: { pattern: `^${day}$`, hasDate: true },
  uuid: {
    pattern: '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$',
    hasDate: false,
  },
  /** One @, a dotted domain, no white space: what every provider accepts. */
  email: {
    pattern:
      "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:[.][A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$",
    hasDate: false,
  },
};

/** The verdict of a format rule in JavaScript. */
export function matchesFormat(rule: FormatRule, text: string): boolean {
  return new RegExp(rule.pattern, 'u').test(text) && (!rule.hasDate || isDay(text.slice(0, 10)));
}

/** A day of the years 1 to 9999 that exists. */
function isDay(text: string): boolean {
  if (text.startsWith('0000')) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text;
}
