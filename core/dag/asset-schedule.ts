import type { Asset, AssetCollector, AssetInput } from '../assets/asset.js';
import type { AssetCondition } from '../assets/asset-condition.js';
import { conditionUris } from '../assets/asset-condition.js';
import type { ScheduleOptions } from '../schedule/schedule-options.js';
import type { DagSpec, ScheduleSpec } from './dag-spec.js';
import { readSchedule } from '../schedule/read-schedule.js';

/** Several assets as one condition. */
export interface AssetGroup {
  readonly kind: 'all' | 'any';
  readonly of: readonly (AssetInput | AssetGroup)[];
}

/** A condition as an author writes it; a list means all of its assets, as in Airflow. */
export type AssetExpression = Asset | AssetGroup | readonly AssetInput[];

/** Runs once all of these have events; `assets` beside `cron` or `every`: on events, and at these times as well. */
export type AssetScheduleOptions =
  | AssetExpression
  | { readonly assets: AssetExpression }
  | ({ readonly assets: AssetExpression } & Extract<
      ScheduleOptions,
      { readonly cron: unknown } | { readonly every: unknown }
    >);

/** Holds once every one of these does (Airflow's `&`). */
export function allOf(...of: readonly (AssetInput | AssetGroup)[]): AssetGroup {
  return { kind: 'all', of };
}

/** Holds as soon as one of these does (Airflow's `|`). */
export function anyOf(...of: readonly (AssetInput | AssetGroup)[]): AssetGroup {
  return { kind: 'any', of };
}

/** Turns an author's schedule, by time, by assets or by both, into its explicit form. */
export function readDagSchedule(
  options: ScheduleOptions | AssetScheduleOptions,
  assets: AssetCollector,
  problems: string[],
): ScheduleSpec {
  if (isExpression(options)) return { kind: 'asset', condition: readCondition(options, assets) };
  if (typeof options !== 'object' || !('assets' in options)) return readSchedule(options, problems);
  const { assets: expression, ...times } = options;
  const condition = readCondition(expression, assets);
  if (!('cron' in times) && !('every' in times)) {
    if (Object.keys(times).length > 0)
      problems.push(`schedule: ${Object.keys(times).join(', ')} beside assets needs cron or every`);
    return { kind: 'asset', condition };
  }
  const schedule = readSchedule(times, problems);
  return 'overlap' in schedule ? { ...schedule, orAssets: condition } : schedule;
}

/** The condition that a DAG waits for; undefined where assets do not start it. */
export function assetConditionOf({ schedule }: Pick<DagSpec, 'schedule'>): AssetCondition | undefined {
  if (schedule.kind === 'asset') return schedule.condition;
  return 'orAssets' in schedule ? schedule.orAssets : undefined;
}

/** Assets that a DAG both waits for and updates, with the task that does: it starts itself again and again. */
export function selfTriggers(spec: DagSpec): { readonly taskId: string; readonly uri: string }[] {
  const condition = assetConditionOf(spec);
  if (condition === undefined) return [];
  const awaited = new Set(conditionUris(condition));
  return spec.tasks.flatMap(({ id, outlets = [] }) =>
    outlets.filter((uri) => awaited.has(uri)).map((uri) => ({ taskId: id, uri })),
  );
}

function isExpression(options: ScheduleOptions | AssetScheduleOptions): options is AssetExpression {
  return Array.isArray(options) || (typeof options === 'object' && 'kind' in options);
}

function readCondition(expression: AssetInput | AssetExpression, assets: AssetCollector): AssetCondition {
  if (isList(expression)) return readCondition({ kind: 'all', of: expression }, assets);
  if (typeof expression === 'string' || expression.kind === 'asset')
    return { kind: 'asset', uri: assets.uri(expression) };
  return { kind: expression.kind, of: expression.of.map((part) => readCondition(part, assets)) };
}

function isList(expression: AssetInput | AssetExpression): expression is readonly AssetInput[] {
  return Array.isArray(expression);
}
