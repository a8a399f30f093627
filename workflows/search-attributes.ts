import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

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
