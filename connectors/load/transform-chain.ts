import type { ColumnSpec } from '../../core/loading/columns.js';
import type { DeferredTransforms } from '../../core/loading/manifest.js';
import type { TransformDialect } from './transform-dialect.js';
import { compileUnnest } from './unnest-sql.js';
import { compileTransform, type TransformPlan } from './transform-sql.js';

/** Where the rows that went into transforms have gone; `rows` go on. */
export interface TransformCounts {
  readonly rows: number;
  /** Left out by `keep`. */
  readonly withheld: number;
  /** Left out by `dedupe`. */
  readonly superseded: number;
}

/** Transforms that follow one another as one query. */
export interface TransformChain {
  /** Columns afterwards. */
  readonly columns: readonly ColumnSpec[];
  /** What the engine cannot do as the worker does it, a reason each; the SQL is of use where there is none. */
  readonly gaps: readonly string[];
  select(source: string): string;
  /** True where the outcome may be in another order than the source. */
  readonly isReordered: boolean;
  /** A query for one row, which `read` understands. `outcome`: a relation that holds the rows of `select` already. */
  count(source: string, outcome?: string): string;
  read(row: Readonly<Record<string, unknown>> | undefined): TransformCounts;
}

type Compiled = Exclude<TransformPlan, { readonly problems: readonly string[] }>;

const unnestGap = 'unnest: rows without elements become deletions, which the worker writes';

/** Why the worker has to do what no warehouse does; empty where there is no such step. */
export function unnestGaps({ transforms }: Pick<DeferredTransforms, 'transforms'>): readonly string[] {
  return transforms.some(({ unnest }) => unnest !== undefined) ? [unnestGap] : [];
}

/** Compiles transforms for an engine, or says everything that is wrong with the first one that is. */
export function compileChain(
  { columns: input, transforms }: DeferredTransforms,
  dialect: TransformDialect,
): TransformChain | { readonly problems: readonly string[] } {
  const plans: Compiled[] = [];
  let columns = input;
  for (const config of transforms) {
    const unnested = config.unnest === undefined ? { columns } : compileUnnest(columns, config.unnest);
    if ('problems' in unnested) return unnested;
    const plan = compileTransform(unnested.columns, config, dialect);
    if ('problems' in plan) return plan;
    plans.push({ ...plan, gaps: [...unnestGaps({ transforms: [config] }), ...plan.gaps] });
    ({ columns } = plan);
  }
  const upTo = (end: number, source: string): string =>
    plans.slice(0, end).reduce((from, plan) => `(${plan.select(from)})`, source);
  const select = (source: string): string => {
    const last = plans.at(-1);
    return last === undefined ? `SELECT * FROM ${source}` : last.select(upTo(plans.length - 1, source));
  };
  const hasDedupe = (index: number) => transforms[index]?.dedupe !== undefined;
  const countOf = (relation: string, name: string) => `(SELECT count(*) FROM ${relation}) AS ${name}`;
  return {
    columns,
    gaps: plans.flatMap(({ gaps }) => gaps),
    isReordered: plans.some((_plan, index) => hasDedupe(index)),
    select,
    count: (source, outcome) => {
      const after = (index: number) =>
        (index === plans.length - 1 ? outcome : undefined) ?? upTo(index + 1, source);
      const figures = plans.flatMap(({ keeps }, index) => [
        ...(keeps !== undefined && hasDedupe(index)
          ? [countOf(keeps(upTo(index, source)), `k${String(index)}`)]
          : []),
        ...(keeps !== undefined || hasDedupe(index) ? [countOf(after(index), `n${String(index)}`)] : []),
      ]);
      return `SELECT ${[countOf(source, 'n'), ...figures].join(', ')}`;
    },
    read: (row) => {
      let rows = Number(row?.['n'] ?? 0);
      let withheld = 0;
      let superseded = 0;
      for (const [index, { keeps }] of plans.entries()) {
        const after = Number(row?.[`n${String(index)}`] ?? rows);
        const kept = keeps === undefined ? rows : Number(row?.[`k${String(index)}`] ?? after);
        withheld += rows - kept;
        superseded += kept - after;
        rows = after;
      }
      return { rows, withheld, superseded };
    },
  };
}
