import { isLosslessNumber, parse as parseLossless, stringify as stringifyLossless } from 'lossless-json';
import type { JsonObject } from '../../core/json.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import { compileSchema } from '../../schemas/ajv.js';
import type { SourceColumn } from '../../schemas/columns.js';
import { formatRules, matchesFormat } from '../../schemas/formats.js';
import type { StagedLine } from '../staged/staged-lines.js';

export interface RecordJudgeOptions {
  readonly document: JsonObject;
  readonly columns: readonly SourceColumn[];
  /** Members that the contract, or the table, does not take. */
  readonly refusedKeys: readonly string[];
}

/** Column texts of an accepted record (absent: NULL), or the quarantine row of a refused one. */
export type RecordVerdict =
  { readonly texts: Readonly<Record<string, string>> } | { readonly reject: QuarantineRow };

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Judges one record at a time: JSON as the standard has it, then the schema by ajv, then whether each value fits its
 * column exactly. Numbers keep the digits that the source sent.
 */
export function createRecordJudge({
  document,
  columns,
  refusedKeys,
}: RecordJudgeOptions): (line: StagedLine) => RecordVerdict {
  const check = compileSchema(document);
  return (line) => {
    const reject = (code: string, pointer: string, message: string): RecordVerdict => ({
      reject: {
        code,
        pointer,
        message,
        raw: Buffer.from(line.bytes).toString('utf8'),
        position: line.position,
      },
    });
    let text: string;
    try {
      text = decoder.decode(line.bytes);
    } catch {
      return reject('RECORD_NOT_UTF8', '', 'the record is not UTF-8 text');
    }
    let plain: unknown;
    let exact: Record<string, unknown>;
    try {
      plain = JSON.parse(text);
    } catch {
      return reject('RECORD_NOT_JSON', '', 'the record is not JSON');
    }
    if (typeof plain !== 'object' || plain === null || Array.isArray(plain))
      return reject('RECORD_INVALID', '', 'must be object');
    try {
      exact = parseLossless(text) as Record<string, unknown>;
    } catch {
      return reject('RECORD_AMBIGUOUS', '', 'a member occurs twice with different values');
    }
    const refusal = check(plain);
    if (refusal !== undefined) return reject('RECORD_INVALID', refusal.pointer, refusal.message);
    for (const key of refusedKeys) {
      if (Object.hasOwn(exact, key))
        return reject('COLUMN_NEW', `/${key}`, `the contract takes no column "${key}"`);
    }
    const texts: Record<string, string> = {};
    for (const column of columns) {
      const value = Object.hasOwn(exact, column.name) ? exact[column.name] : undefined;
      if (value === undefined || value === null) continue;
      const columnText = textOf(column, value);
      if (columnText === undefined) {
        const code =
          column.type === 'decimal' || column.type === 'int64' ? 'RECORD_NUMBER_PRECISION' : 'RECORD_INVALID';
        return reject(code, `/${column.name}`, `the value does not fit a ${column.type} column exactly`);
      }
      if (/\u0000|\p{Surrogate}/u.test(columnText))
        return reject('RECORD_TEXT', `/${column.name}`, 'the text holds NUL or half a character');
      texts[column.name] = columnText;
    }
    return { texts };
  };
}

/** Text that casts to the column exactly; `undefined` where none does. */
function textOf(column: SourceColumn, value: unknown): string | undefined {
  if (column.type === 'json') return stringifyLossless(value);
  const text =
    typeof value === 'string'
      ? value
      : isLosslessNumber(value)
        ? value.value
        : typeof value === 'boolean'
          ? String(value)
          : undefined;
  if (text === undefined) return column.type === 'string' ? stringifyLossless(value) : undefined;
  switch (column.type) {
    case 'string':
      return text;
    case 'int64':
      return exactInteger(text);
    case 'decimal':
      return exactDecimal(text, column.precision ?? 38, column.scale ?? 9);
    case 'double':
      return Number.isFinite(Number(text)) && text.trim() !== '' ? text : undefined;
    case 'boolean':
      return text === 'true' || text === 'false' ? text : undefined;
    case 'timestamp':
      return fits('date-time', text) ? text : undefined;
    case 'date':
      return fits('date', text) ? text : undefined;
    case 'bytes':
      return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) ? text : undefined;
  }
}

function fits(format: 'date' | 'date-time', text: string): boolean {
  const rule = formatRules[format];
  return rule !== undefined && matchesFormat(rule, text);
}

/** Decimal digits of a number text without exponent; `undefined` for what is no number. */
function expand(text: string): { sign: string; whole: string; fraction: string } | undefined {
  const match = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const padded = point < 0 ? '0'.repeat(-point) + digits : digits.padEnd(point, '0');
  const at = Math.max(point, 0);
  return {
    sign: sign === '-' ? '-' : '',
    whole: padded.slice(0, at).replace(/^0+(?=\d)/, '') || '0',
    fraction: padded.slice(at).replace(/0+$/, ''),
  };
}

function exactInteger(text: string): string | undefined {
  const number = expand(text);
  if (number === undefined || number.fraction !== '') return undefined;
  const value = BigInt(`${number.sign}${number.whole}`);
  return value >= -(2n ** 63n) && value < 2n ** 63n ? String(value) : undefined;
}

function exactDecimal(text: string, precision: number, scale: number): string | undefined {
  const number = expand(text);
  if (number === undefined || number.fraction.length > scale) return undefined;
  const whole = number.whole === '0' ? '' : number.whole;
  if (whole.length > precision - scale) return undefined;
  return `${number.sign}${number.whole}${number.fraction === '' ? '' : `.${number.fraction}`}`;
}
