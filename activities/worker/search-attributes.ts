import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Those that activities read or write; workflows have their own (`workflows/search-attributes.ts`), which no activity may load. */
export const dagAttribute = defineSearchAttributeKey('MillraceDag', SearchAttributeType.KEYWORD);
export const modeAttribute = defineSearchAttributeKey('MillraceMode', SearchAttributeType.KEYWORD);
export const runTypeAttribute = defineSearchAttributeKey('MillraceRunType', SearchAttributeType.KEYWORD);
export const intervalStartAttribute = defineSearchAttributeKey(
  'MillraceIntervalStart',
  SearchAttributeType.DATETIME,
);

/** `INDEXED_VALUE_TYPE_*` of the Temporal API. */
const keyword = 2;
const datetime = 6;
const keywordList = 7;

/** Search attributes that Millrace writes. */
const attributes: Readonly<Record<string, number>> = {
  MillraceDag: keyword,
  MillraceMode: keyword,
  MillraceRunType: keyword,
  MillraceIntervalStart: datetime,
  MillraceAssets: keywordList,
};

/** Registers Millrace's search attributes where the namespace lacks them; safe to repeat. */
export async function ensureSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options;
  const operator = client.connection.operatorService;
  const { customAttributes } = await operator.listSearchAttributes({ namespace });
  const missing = Object.fromEntries(
    Object.entries(attributes).filter(([name]) => !(name in customAttributes)),
  );
  if (Object.keys(missing).length === 0) return;
  await operator.addSearchAttributes({ namespace, searchAttributes: missing });
  // The registry is cached by the server's front end for a moment; a start that uses an unknown attribute is refused.
  for (;;) {
    const { customAttributes: seen } = await operator.listSearchAttributes({ namespace });
    if (Object.keys(missing).every((name) => name in seen)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Registers them at once, on a server that is new and cannot list what it has: the time-skipping test server. */
export async function addSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options;
  await client.connection.operatorService.addSearchAttributes({ namespace, searchAttributes: attributes });
}
