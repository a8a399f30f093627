import { defineSearchAttributeKey, SearchAttributeType, type SearchAttributePair } from '@temporalio/common';
import type { DagSpec } from '../core/dag/dag-spec.js';
import type { DataInterval } from '../core/interval.js';
import type { RunType } from '../core/run/run.js';

/** Search attributes that runs carry. */
export const dagAttribute = defineSearchAttributeKey('MillraceDag', SearchAttributeType.KEYWORD);
export const modeAttribute = defineSearchAttributeKey('MillraceMode', SearchAttributeType.KEYWORD);
export const runTypeAttribute = defineSearchAttributeKey('MillraceRunType', SearchAttributeType.KEYWORD);
export const intervalStartAttribute = defineSearchAttributeKey(
  'MillraceIntervalStart',
  SearchAttributeType.DATETIME,
);
/** Nominal fire time of a scheduled run, which the server sets before jitter. */
export const scheduledStartAttribute = defineSearchAttributeKey(
  'TemporalScheduledStartTime',
  SearchAttributeType.DATETIME,
);

/** What a run is, as far as it is known. */
export interface RunTraits {
  readonly spec: Pick<DagSpec, 'id' | 'mode'>;
  readonly runType: RunType;
  readonly interval?: DataInterval | undefined;
}

/**
 * Search attributes of a run. Who starts a run gives them with the start, where they cost nothing; an attribute that is
 * known only later costs an event of its own.
 */
export function runAttributes({ spec, runType, interval }: RunTraits): SearchAttributePair[] {
  return [
    { key: dagAttribute, value: spec.id },
    { key: modeAttribute, value: spec.mode },
    { key: runTypeAttribute, value: runType },
    ...(interval === undefined ? [] : [{ key: intervalStartAttribute, value: new Date(interval.start) }]),
  ];
}
