import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { createHash } from 'node:crypto';

/** Keys of the assets that a deployed DAG listens to; stands on its schedule. */
export const assetsAttribute = defineSearchAttributeKey('MillraceAssets', SearchAttributeType.KEYWORD_LIST);

/** An asset in a search attribute: short, and free of quotes. */
export function assetKey(uri: string): string {
  return createHash('sha256').update(uri).digest('hex').slice(0, 32);
}

/** The deployed DAGs that listen to an asset. The server's list lags a little behind. */
export async function listListeners(client: Client, uri: string): Promise<string[]> {
  const dagIds: string[] = [];
  for await (const { memo } of client.schedule.list({ query: `MillraceAssets = "${assetKey(uri)}"` })) {
    const entry = memo?.['millrace'] as { readonly dagId: string } | undefined;
    if (entry !== undefined) dagIds.push(entry.dagId);
  }
  return dagIds.sort();
}
