import type { ColumnSpec } from '../../core/loading/columns.js';
import { PipelineError } from '../../core/errors/index.js';
import { hasTombstones, strategyOf, tombstoneKeyOf } from '../../core/loading/load-rules.js';
import { columnOfDuckDb } from '../duckdb/column-sql.js';
import type { LoadRequest } from '../warehouse.js';
import { flagColumn } from './batch-sql.js';
import { planEvolution, emptyPlan, type EvolutionPlan, type StoredColumn } from './evolution.js';
import { systemColumnSpecs, systemColumns, tombstoneTable, validityColumnSpecs } from './system-tables.js';

/** What is to be done to one table before a load may use it. */
export interface TableChange {
  readonly table: string;
  /** All columns of a table that does not exist; empty otherwise. */
  readonly create: readonly ColumnSpec[];
  readonly add: readonly ColumnSpec[];
  readonly widen: readonly ColumnSpec[];
}

/** A load's tables as they are stored now; `undefined` where there is none. */
export interface StoredTables {
  readonly table: readonly StoredColumn[] | undefined;
  readonly tombstones: readonly StoredColumn[] | undefined;
}

/**
 * Meets the batch with its table.
 *
 * @throws PipelineError CONTRACT_BROKEN where the contract, deletions or the order of versions forbid it, IDENTIFIER_REFUSED
 */
export function planLoad(request: LoadRequest, stored: StoredTables): EvolutionPlan {
  const { config, manifest } = request;
  if (manifest.columns === undefined) {
    if (manifest.files.length === 0) return emptyPlan;
    throw new PipelineError('CONTRACT_BROKEN', {
      table: config.into,
      problems: ['its rows have no typed columns: put a validate task before the load'],
    });
  }
  const plan = planEvolution(config.into, stored.table, manifest.columns, config.contract);
  const problems = [
    ...(config.hardDelete === undefined || flagColumn(config, manifest.columns) !== undefined
      ? []
      : [`"hardDelete" names the column "${config.hardDelete}", which the rows do not have`]),
    ...(config.disposition === 'merge' ? orderProblems(request, plan, stored) : []),
  ];
  if (problems.length > 0) throw new PipelineError('CONTRACT_BROKEN', { table: config.into, problems });
  return plan;
}

/** A version that becomes text, or meets text, has another order: `10` comes before `9`, and late data would win. */
function orderProblems(
  { config, manifest }: LoadRequest,
  plan: EvolutionPlan,
  stored: StoredTables,
): string[] {
  const isText = ({ type }: ColumnSpec) => type === 'string' || type === 'json';
  return config.version.flatMap((name) => {
    const delivered = manifest.columns?.find((column) => column.name === name);
    const assigned = plan.assignments.find(({ column }) => column.toLowerCase() === name.toLowerCase());
    const kept = stored.table?.find((column) => column.name === assigned?.column);
    if (delivered === undefined || assigned === undefined || kept === undefined) return [];
    if (!isText(assigned.type)) return [];
    const before = columnOfDuckDb(kept.name, kept.sqlType);
    if (isText(before) && isText(delivered)) return [];
    return [
      `version column "${name}" is ${before.type} in the table and ${delivered.type} in the rows, which have no order in common; convert it with a transform`,
    ];
  });
}

/**
 * The changes of tables that a plan asks for, tombstones included; empty where everything is in place.
 *
 * @throws PipelineError CONTRACT_BROKEN where a key or version column is not among the columns
 */
export function tableChanges(request: LoadRequest, plan: EvolutionPlan, stored: StoredTables): TableChange[] {
  const { config } = request;
  if (plan.assignments.length === 0) return [];
  const isHistory = strategyOf(config) === 'scd2';
  const own: TableChange = {
    table: config.into,
    create:
      plan.created.length === 0
        ? []
        : [...plan.created, ...systemColumnSpecs, ...(isHistory ? validityColumnSpecs : [])],
    add: [
      ...plan.added,
      ...(isHistory && stored.table !== undefined
        ? validityColumnSpecs.filter(({ name }) => stored.table?.every((column) => column.name !== name))
        : []),
    ],
    widen: plan.widened,
  };
  const changes = [own, ...(hasTombstones(config) ? [tombstoneChange(request, plan, stored)] : [])];
  return changes.filter(({ create, add, widen }) => create.length + add.length + widen.length > 0);
}

function tombstoneChange(request: LoadRequest, plan: EvolutionPlan, stored: StoredTables): TableChange {
  const { config } = request;
  const marks = [...tombstoneKeyOf(config), ...config.version].map((name) =>
    markColumn(request, plan, stored, name),
  );
  return {
    table: tombstoneTable(config.into),
    create:
      stored.tombstones === undefined
        ? [
            ...marks,
            ...systemColumnSpecs.filter(
              ({ name }) => name === systemColumns.loadId || name === systemColumns.ingestedAt,
            ),
          ]
        : [],
    add:
      stored.tombstones === undefined
        ? []
        : marks.filter(({ name }) => stored.tombstones?.every((column) => column.name !== name)),
    widen:
      stored.tombstones === undefined
        ? []
        : plan.widened.filter(({ name }) => stored.tombstones?.some((column) => column.name === name)),
  };
}

/** A key or version column with the type that the table has after this load. */
function markColumn(
  { config }: LoadRequest,
  plan: EvolutionPlan,
  stored: StoredTables,
  name: string,
): ColumnSpec {
  const assigned = plan.assignments.find(({ column }) => column === name);
  if (assigned !== undefined) return assigned.type;
  const column = stored.table?.find((candidate) => candidate.name === name);
  if (column !== undefined) return columnOfDuckDb(column.name, column.sqlType);
  throw new PipelineError('CONTRACT_BROKEN', {
    table: config.into,
    problems: [`key or version column "${name}" is not among the rows' columns`],
  });
}
