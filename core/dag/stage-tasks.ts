import { assetConditionOf } from './asset-schedule.js';
import { defaultContract, type SchemaContract } from '../loading/columns.js';
import { dagDefaults } from './dag-defaults.js';
import type { TaskFunctions } from './dag-definition.js';
import { anomalyMeasures, type AnomalyGateConfig, type AnomalyRules } from '../quality/anomaly.js';
import { readCheck } from '../quality/checks.js';
import type {
  AnomalyGateOptions,
  AnomalyRuleOptions,
  ExtractOptions,
  LoadOptions,
  RowMapper,
  TransformOptions,
  ValidateOptions,
} from './dag-options.js';
import type {
  ExtractConfig,
  LoadConfig,
  Normalisation,
  ScheduleSpec,
  TransformConfig,
  ValidateConfig,
} from './dag-spec.js';
import { readFlatten } from './flatten.js';
import { limits } from '../limits.js';
import { readSchedule } from '../schedule/read-schedule.js';
import type { ReconcileSpec } from '../reconcile/reconcile-spec.js';
import { hasDataInterval, hasFireTimes } from '../schedule/schedule-spec.js';
import type { SpecDraft } from './spec-draft.js';

/** What an extract task reads, and the reader where it is a function. */
export function readExtract(
  draft: SpecDraft,
  id: string,
  { from, cursor, read, fromElement }: ExtractOptions,
): { config: ExtractConfig; functions?: TaskFunctions } {
  const source: ExtractConfig['from'] =
    typeof from === 'function' ? { connector: 'function', stream: id, options: {} } : from;
  const config: ExtractConfig = {
    from: source,
    read: read ?? defaultRead(draft.schedule, cursor !== undefined),
    ...(cursor === undefined
      ? {}
      : {
          cursor: {
            path: cursor.path,
            lagMs: draft.duration(cursor.lag ?? 0, `task "${id}": cursor.lag`),
            ...(cursor.initialValue === undefined ? {} : { initialValue: cursor.initialValue }),
          },
        }),
    ...(fromElement === undefined ? {} : { fromElement }),
  };
  return { config, ...(typeof from === 'function' ? { functions: { read: from } } : {}) };
}

function defaultRead(schedule: ScheduleSpec, hasCursor: boolean): ExtractConfig['read'] {
  if (hasCursor || schedule.kind === 'stream') return 'cursor';
  // A run that assets start has no interval.
  if (assetConditionOf({ schedule }) !== undefined) return 'full';
  return hasDataInterval(schedule) ? 'interval' : 'full';
}

/** What a validate task checks. */
export function readValidate(options: ValidateOptions): ValidateConfig {
  const { schema } = options;
  return {
    schema:
      typeof schema === 'string'
        ? { id: schema }
        : {
            id: `${schema.proto}#${schema.message}`,
            ...(schema.field === undefined ? {} : { field: schema.field }),
          },
    quarantineOver: options.quarantineOver ?? dagDefaults.quarantineOver,
    contract: contractOf(options.contract),
  };
}

/** What a transform task does. */
export function readTransform(
  draft: SpecDraft,
  id: string,
  options: TransformOptions | RowMapper,
): TransformConfig {
  if (typeof options === 'function') return { function: true };
  const { unnest, flatten, rename, normalise, constant, select, keep, dedupe, runIn } = options;
  const problems: string[] = [];
  const { extract, drop } = flatten === undefined ? options : readFlatten(flatten, options, problems);
  draft.problems.push(...problems.map((problem) => `task "${id}": ${problem}`));
  return {
    ...(unnest === undefined ? {} : { unnest }),
    ...(extract === undefined ? {} : { extract }),
    ...(rename === undefined ? {} : { rename }),
    ...(normalise === undefined ? {} : { normalise: normaliseLists(normalise) }),
    ...(constant === undefined ? {} : { constant }),
    ...(select === undefined ? {} : { select }),
    ...(drop === undefined ? {} : { drop }),
    ...(keep === undefined ? {} : { keep }),
    ...(dedupe === undefined ? {} : { dedupe }),
    ...(runIn === 'warehouse' ? { runIn } : {}),
  };
}

/** What an anomaly gate compares. */
export function readAnomalyGate(
  draft: SpecDraft,
  id: string,
  options: AnomalyGateOptions,
): AnomalyGateConfig {
  const { columns, correct, reviewWithin } = options;
  const at = `task "${id}"`;
  return {
    ...dagDefaults.anomalyGate,
    ...(options.loads === undefined ? {} : { loads: options.loads }),
    ...(options.warmUp === undefined ? {} : { warmUp: options.warmUp }),
    ...(options.deviations === undefined ? {} : { deviations: options.deviations }),
    ...(options.stabilityOver === undefined ? {} : { stabilityOver: options.stabilityOver }),
    measures: options.measures ?? anomalyMeasures,
    ...(columns === undefined ? {} : { columns }),
    onAnomaly: options.onAnomaly ?? 'flag',
    ...(reviewWithin === undefined
      ? {}
      : {
          reviewWithinMs: draft.duration(reviewWithin, `${at}: reviewWithin`),
          onTimeout: options.onTimeout ?? dagDefaults.onReviewTimeout,
        }),
    ...(reviewWithin === undefined && options.onTimeout !== undefined
      ? { onTimeout: options.onTimeout }
      : {}),
    ...(correct === undefined ? {} : { correct: readRules(draft, at, correct) }),
  };
}

/** Each measure with its rules; checks that judge no column are a problem. */
function readRules(draft: SpecDraft, at: string, options: AnomalyRuleOptions): AnomalyRules {
  const read = (measure: 'null-rate' | 'distribution'): AnomalyRules => {
    const rule = options[measure];
    if (rule === undefined || rule === 'quarantine') return rule === undefined ? {} : { [measure]: rule };
    const { checks } = readCheck({ checks: rule, severity: 'quarantine' }, (input, where) =>
      draft.duration(input, `${at}: correct: ${where}`),
    );
    const ofColumn = checks.filter((check) => check.kind !== 'unique' && check.kind !== 'freshness');
    if (ofColumn.length < checks.length)
      draft.problems.push(
        `${at}: correct: ${measure}: unique and freshness judge no column, so they correct none`,
      );
    return { [measure]: ofColumn };
  };
  return {
    ...(options.volume === undefined ? {} : { volume: options.volume }),
    ...read('null-rate'),
    ...read('distribution'),
  };
}

/** Where a load task loads, and how. */
export function readLoad(draft: SpecDraft, id: string, options: LoadOptions): LoadConfig {
  const { freshWithin, strategy, mergeKey, hardDelete, layout } = options;
  return {
    into: options.into,
    ...(freshWithin === undefined
      ? {}
      : { freshWithinMs: draft.duration(freshWithin, `task "${id}": freshWithin`) }),
    disposition: options.disposition ?? (options.key === undefined ? 'append' : 'merge'),
    key: options.key ?? [],
    version: options.version ?? [],
    contract: contractOf(options.contract),
    ...(strategy === undefined ? {} : { strategy }),
    ...(mergeKey === undefined ? {} : { mergeKey }),
    ...(hardDelete === undefined ? {} : { hardDelete }),
    ...(layout === undefined ? {} : { layout }),
  };
}

/** When the table is compared with its source. */
export function readReconcile(
  draft: SpecDraft,
  id: string,
  { reconcile }: LoadOptions,
): { readonly reconcile?: ReconcileSpec } {
  if (reconcile === undefined) return {};
  const where = `task "${id}": reconcile`;
  const problems: string[] = [];
  const schedule = readSchedule(reconcile.schedule, problems);
  draft.problems.push(...problems.map((problem) => `${where}: ${problem}`));
  if (!hasFireTimes(schedule)) {
    draft.problems.push(`${where}: its schedule needs times: cron, a preset such as "@daily", or "every"`);
    return {};
  }
  const { heal = false } = reconcile;
  const bounds = typeof heal === 'boolean' ? {} : heal;
  const maxKeys = bounds.maxKeys ?? limits.reconcileHealDefaultKeys;
  if (!Number.isSafeInteger(maxKeys) || maxKeys < 1 || maxKeys > limits.reconcileHealMaxKeys)
    draft.problems.push(
      `${where}: heal.maxKeys must be a whole number from 1 to ${String(limits.reconcileHealMaxKeys)}`,
    );
  return {
    reconcile: {
      schedule,
      inFlightMs: draft.duration(reconcile.inFlight ?? limits.reconcileInFlightMs, `${where}.inFlight`),
      ...(reconcile.window === undefined
        ? {}
        : { windowMs: draft.duration(reconcile.window, `${where}.window`) }),
      ...(heal === false
        ? {}
        : { heal: { maxKeys, deletions: bounds.deletions ?? false, isApproved: false } }),
    },
  };
}

function contractOf(contract: Partial<SchemaContract> | undefined): SchemaContract {
  return { ...defaultContract, ...contract };
}

function normaliseLists(
  input: NonNullable<TransformOptions['normalise']>,
): Record<string, readonly Normalisation[]> {
  return Object.fromEntries(
    Object.entries(input).map(([column, steps]) => [column, typeof steps === 'string' ? [steps] : steps]),
  );
}
