import type { JsonObject, JsonValue } from '../../core/json.js';
import { nearestName } from '../nearest-name.js';
import type { RelationalOptions } from './dialect.js';

/** Options that tables and queries of every database have. */
export const commonOptions: readonly string[] = [
  'key',
  'intervalColumn',
  'overlap',
  'deletedWhen',
  'deletedAt',
  'version',
];

/** Longest name of a column. */
export interface NameLimit {
  readonly max: number;
  readonly unit: 'bytes' | 'characters';
}

/** Reads options one by one, and gathers all that is wrong with them; never a value. */
export class OptionChecks {
  readonly problems: string[];
  readonly #options: JsonObject;
  readonly #limit: NameLimit;

  constructor(options: JsonObject, known: readonly string[], limit: NameLimit) {
    this.#options = options;
    this.#limit = limit;
    this.problems = Object.keys(options)
      .filter((name) => !known.includes(name))
      .map((name) => `there is no option "${name}"${nearestName(name, known)}`);
  }

  name(option: string): string | undefined {
    const value = this.#options[option];
    if (value === undefined || this.#isName(value)) return value;
    const { max, unit } = this.#limit;
    this.problems.push(`"${option}" must be a name of 1 to ${String(max)} ${unit}`);
    return undefined;
  }

  nameList(option: string): readonly string[] | undefined {
    const value = this.#options[option];
    if (value === undefined) return undefined;
    const isList = Array.isArray(value) && value.length > 0 && value.every((item) => this.#isName(item));
    if (isList && new Set(value).size === value.length) return value;
    this.problems.push(`"${option}" must be a list of different names`);
    return undefined;
  }

  /** The table, which has to be there. */
  table(): string {
    if (this.#options['table'] === undefined) this.problems.push('"table" is missing');
    return this.name('table') ?? '';
  }

  /** One statement: the query becomes a part of a larger one, in which a semicolon cannot stand. */
  sql(): string {
    const value = this.#options['sql'];
    if (typeof value !== 'string' || value.trim() === '') this.problems.push('"sql" is missing');
    else if (value.includes('\0')) this.problems.push('"sql" holds a NUL character');
    else if (/;\s*$/.test(value)) this.problems.push('"sql" must not end with a semicolon');
    else return value;
    return '';
  }

  /** How rows are told apart. */
  common(): RelationalOptions {
    const deletedWhen = this.name('deletedWhen');
    const deletedAt = this.name('deletedAt');
    if (deletedWhen !== undefined && deletedAt !== undefined)
      this.problems.push('give "deletedWhen" or "deletedAt", not both');
    const overlap = this.#options['overlap'] ?? 0;
    const isOverlap = typeof overlap === 'number' && Number.isSafeInteger(overlap) && overlap >= 0;
    if (!isOverlap) this.problems.push('"overlap" must be a whole number from 0 on');
    return {
      key: this.nameList('key'),
      intervalColumn: this.name('intervalColumn'),
      overlap: isOverlap ? BigInt(overlap) : 0n,
      deleted: deletedMark(deletedWhen, deletedAt),
      version: this.name('version'),
    };
  }

  #isName(value: JsonValue): value is string {
    if (typeof value !== 'string' || value === '' || value.includes('\0')) return false;
    const { max, unit } = this.#limit;
    return (unit === 'bytes' ? new TextEncoder().encode(value).length : value.length) <= max;
  }
}

function deletedMark(when: string | undefined, at: string | undefined): RelationalOptions['deleted'] {
  if (when !== undefined) return { column: when, mark: 'true' };
  return at === undefined ? undefined : { column: at, mark: 'set' };
}
