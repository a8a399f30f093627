import type {
  CheckConfig,
  CheckSeverity,
  CheckSpec,
  CheckValue,
  Correction,
  LastKnown,
} from './check-spec.js';
import { columnsOf } from './check-spec.js';
import { dagDefaults } from '../dag/dag-defaults.js';
import type { Normalisation } from '../dag/dag-spec.js';
import type { DurationInput } from '../duration.js';
import type { TaskOptions } from '../dag/task-options.js';

/** What every check may say of itself. */
export interface CheckSettings<Corrections = never> {
  /** Unique in its task. Default: kind and columns, such as `range(total)`. */
  readonly name?: string;
  /** Default: the one of the task. */
  readonly severity?: CheckSeverity;
  /** Severity `fail`: share of rows (0 to 1) that may miss. Default: 0. */
  readonly failOver?: number;
  /** Puts this in the place of a value that misses; what still misses afterwards is judged by the severity. */
  readonly correct?: Corrections;
}

/** A check as an author writes it: made by `range`, `acceptedValues`, `matches`, `notNull`, `unique`, `references`, `freshness`. */
export interface Check {
  readonly spec: OmitSettings<CheckSpec>;
  readonly settings: CheckSettings<Correction>;
  /** `freshness`: how old the newest value may be. */
  readonly maxAge?: DurationInput;
}

type OmitSettings<Spec> = Spec extends unknown
  ? Omit<Spec, 'name' | 'severity' | 'failOver' | 'correct' | 'maxAgeMs'>
  : never;

export interface CheckOptions extends TaskOptions {
  readonly checks: readonly Check[];
  /** Of checks that say nothing else. Default: `fail`; `freshness`, which judges the batch, takes `quarantine` as `fail`. */
  readonly severity?: CheckSeverity;
  /** Share of extracted rows (0 to 1) that may be quarantined. Default: 1, every row may. */
  readonly quarantineOver?: number;
}

/** Values lie between `min` and `max`, both inclusive. Numbers beyond 2^53, decimals and instants may be text. */
export function range(
  column: string,
  {
    min,
    max,
    ...settings
  }: { readonly min?: string | number; readonly max?: string | number } & CheckSettings<Correction>,
): Check {
  const bounds = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  return { spec: { kind: 'range', column, ...bounds }, settings };
}

/** Corrections of a value by another that does not depend on it. */
type Replacement = 'null' | { readonly default: CheckValue } | { readonly lastKnown: LastKnown };
type TextCorrection = Replacement | { readonly normalise: readonly Normalisation[] };

/** Values are among these. */
export function acceptedValues(
  column: string,
  values: readonly CheckValue[],
  settings: CheckSettings<TextCorrection> = {},
): Check {
  return { spec: { kind: 'accepted-values', column, values }, settings };
}

/** The whole text matches a regular expression of ASCII literals, classes, groups and repeats: `'[A-Z]{2}'`. */
export function matches(
  column: string,
  pattern: string,
  settings: CheckSettings<TextCorrection> = {},
): Check {
  return { spec: { kind: 'matches', column, pattern }, settings };
}

/** Values are not null. */
export function notNull(column: string, settings: CheckSettings<Exclude<Replacement, 'null'>> = {}): Check {
  return { spec: { kind: 'not-null', column }, settings };
}

/** No two rows of the batch share the values of these columns; the first row of several fits, in source order. */
export function unique(columns: readonly string[], settings: CheckSettings = {}): Check {
  return { spec: { kind: 'unique', columns }, settings };
}

/** Values are in a column of a table of the warehouse, as it is when the task runs. */
export function references(
  column: string,
  to: { readonly table: string; readonly column: string },
  settings: CheckSettings<'null' | { readonly default: CheckValue }> = {},
): Check {
  return { spec: { kind: 'references', column, to }, settings };
}

/** The newest value is at most `maxAge` old at the end of the data interval, or at extraction where a run has none. */
export function freshness(
  column: string,
  {
    maxAge,
    ...settings
  }: { readonly maxAge: DurationInput } & Omit<CheckSettings, 'severity' | 'failOver' | 'correct'> & {
      readonly severity?: 'fail' | 'warn';
    },
): Check {
  return { spec: { kind: 'freshness', column }, settings, maxAge };
}

/** What a check task checks. */
export function readCheck(
  { checks, severity = 'fail', quarantineOver = dagDefaults.quarantineOver }: CheckOptions,
  duration: (input: DurationInput, where: string) => number,
): CheckConfig {
  return {
    checks: checks.map(({ spec, settings, maxAge }) => {
      const base = {
        severity: settings.severity ?? severity,
        failOver: settings.failOver ?? 0,
        ...(settings.correct === undefined ? {} : { correct: settings.correct }),
      };
      if (spec.kind !== 'freshness') return named({ ...spec, ...base, name: settings.name ?? '' });
      const isRowSeverity = settings.severity === undefined && severity === 'quarantine';
      return named({
        ...spec,
        ...base,
        name: settings.name ?? '',
        severity: isRowSeverity ? 'fail' : base.severity,
        maxAgeMs: duration(maxAge ?? 0, `freshness("${spec.column}"): maxAge`),
      });
    }),
    quarantineOver,
  };
}

function named(check: CheckSpec): CheckSpec {
  return check.name === '' ? { ...check, name: `${check.kind}(${columnsOf(check).join(', ')})` } : check;
}
