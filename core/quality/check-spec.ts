import type { Normalisation } from '../dag/stage-config.js';
import { isPortablePattern } from './portable-pattern.js';

/** A value that a check compares with; numbers beyond 2^53 and exact decimals as text. */
export type CheckValue = string | number | boolean;

/** Where the last known value of a column is: the row of a table of the warehouse that has the same value in `key`. */
export interface LastKnown {
  readonly table: string;
  /** Of the batch and of the table; a row each. */
  readonly key: string;
}

/**
 * What a value that misses its check becomes: the nearest bound (`clamp`), null, a constant, the same text normalised, or
 * what the warehouse holds for the row's key, null where it holds nothing.
 */
export type Correction =
  | 'clamp'
  | 'null'
  | { readonly default: CheckValue }
  | { readonly normalise: readonly Normalisation[] }
  | { readonly lastKnown: LastKnown };

/**
 * What a miss means: the task fails, the load goes on and says so, or the row goes to quarantine. Names as in dbt (`fail`
 * is its `error`) and Soda.
 */
export type CheckSeverity = 'fail' | 'warn' | 'quarantine';

interface CheckBase {
  /** Unique in its task; `<kind>(<columns>)` where the author gives none. */
  readonly name: string;
  readonly severity: CheckSeverity;
  /** Share of rows (0 to 1) that may miss a check of severity `fail`. */
  readonly failOver: number;
  readonly correct?: Correction;
}

export interface RangeCheck extends CheckBase {
  readonly kind: 'range';
  readonly column: string;
  readonly min?: string | number;
  readonly max?: string | number;
}
export interface AcceptedValuesCheck extends CheckBase {
  readonly kind: 'accepted-values';
  readonly column: string;
  readonly values: readonly CheckValue[];
}
export interface MatchesCheck extends CheckBase {
  readonly kind: 'matches';
  readonly column: string;
  /** The whole text matches it. Read alike by JavaScript and RE2: see `isPortablePattern`. */
  readonly pattern: string;
}
export interface NotNullCheck extends CheckBase {
  readonly kind: 'not-null';
  readonly column: string;
}
export interface UniqueCheck extends CheckBase {
  readonly kind: 'unique';
  readonly columns: readonly string[];
}
export interface ReferencesCheck extends CheckBase {
  readonly kind: 'references';
  readonly column: string;
  /** A table of the warehouse, and its column that must have the value. */
  readonly to: { readonly table: string; readonly column: string };
}
/** The newest value of the column may be this old at the end of the interval, or at extraction where there is none. */
export interface FreshnessCheck extends CheckBase {
  readonly kind: 'freshness';
  readonly column: string;
  readonly maxAgeMs: number;
}

/** One check of a batch. All but `freshness` judge rows; NULL misses none but `not-null`. */
export type CheckSpec =
  | RangeCheck
  | AcceptedValuesCheck
  | MatchesCheck
  | NotNullCheck
  | UniqueCheck
  | ReferencesCheck
  | FreshnessCheck;

export interface CheckConfig {
  readonly checks: readonly CheckSpec[];
  /** Share of extracted rows (0 to 1) that may be quarantined so far; above it the task fails and nothing is loaded. */
  readonly quarantineOver: number;
}

/** What one check found. */
export interface CheckOutcome {
  readonly name: string;
  readonly severity: CheckSeverity;
  /** Rows that missed it, after corrections. */
  readonly misses: number;
  readonly corrected: number;
}

/** Columns that a check reads. */
export function columnsOf(check: CheckSpec): readonly string[] {
  return check.kind === 'unique' ? check.columns : [check.column];
}

/** Everything that is wrong with the checks of a task; empty when all is well. */
export function checkProblems({ checks, quarantineOver }: CheckConfig): string[] {
  const problems: string[] = [];
  if (checks.length === 0) problems.push('it has no checks');
  if (!isShare(quarantineOver))
    problems.push(`quarantineOver is ${String(quarantineOver)}; use a share from 0 to 1`);
  const names = new Set<string>();
  for (const check of checks) {
    const at = `check "${check.name}"`;
    if (names.has(check.name)) problems.push(`${at} is there twice; give one of them another name`);
    names.add(check.name);
    if (!isShare(check.failOver))
      problems.push(`${at}: failOver is ${String(check.failOver)}; use a share from 0 to 1`);
    problems.push(...ownProblems(check).map((problem) => `${at} ${problem}`));
  }
  return problems;
}

function ownProblems(check: CheckSpec): string[] {
  switch (check.kind) {
    case 'range':
      return check.min === undefined && check.max === undefined ? ['has neither min nor max'] : [];
    case 'accepted-values':
      return check.values.length === 0 ? ['accepts no value'] : [];
    case 'unique':
      return check.columns.length === 0 ? ['names no column'] : [];
    case 'freshness':
      return check.severity === 'quarantine'
        ? ['judges the batch as a whole, so it can fail or warn, not quarantine']
        : [];
    case 'matches':
      return isPattern(check.pattern)
        ? []
        : [`has the pattern "${check.pattern}"; use ASCII literals, classes, groups and repeats only`];
    case 'not-null':
    case 'references':
      return [];
  }
}

function isPattern(pattern: string): boolean {
  try {
    new RegExp(pattern, 'u');
  } catch {
    return false;
  }
  return isPortablePattern(pattern);
}

/** A correction in words. */
export function describeCorrection(correct: Correction): string {
  if (typeof correct === 'string') return correct;
  if ('default' in correct) return `default ${JSON.stringify(correct.default)}`;
  if ('normalise' in correct) return `normalise ${correct.normalise.join(', ')}`;
  return `last known value in "${correct.lastKnown.table}" by "${correct.lastKnown.key}"`;
}

function isShare(value: number): boolean {
  return value >= 0 && value <= 1;
}

/** The checks as a comparison of source and table runs them: what would stop a load does not stop it. */
export function withoutThresholds({ checks }: CheckConfig): CheckConfig {
  return { checks: checks.map((check) => ({ ...check, failOver: 1 })), quarantineOver: 1 };
}
