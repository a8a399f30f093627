import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Search attributes of every workflow and schedule of a DAG. */
export const dagAttribute = defineSearchAttributeKey('MillraceDag', SearchAttributeType.KEYWORD);
export const modeAttribute = defineSearchAttributeKey('MillraceMode', SearchAttributeType.KEYWORD);
