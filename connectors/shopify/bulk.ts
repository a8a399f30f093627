import { setTimeout as sleep } from 'node:timers/promises';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { GraphqlApi } from '../graphql/api.js';
import { protocolFailure } from '../http/index.js';
import { exactTextAt, memberAt, type JsonPage } from '../json-page.js';
import { resumeFailure } from '../resume.js';
import { bulkCancelQuery, bulkQuery, bulkStartQuery, bulkStateQuery } from './queries.js';
import { shopifyGraphql } from './graphql-api.js';
import type { ShopifySettings } from './settings.js';
import type { ShopifyStream } from './streams.js';

/** What a bulk operation has written. */
export interface BulkResult {
  /** Where its file lies; `undefined` where there is no object. */
  readonly url: string | undefined;
  /** Lines of the file. */
  readonly objectCount: number;
  /** When it was created, by Shopify's clock. */
  readonly createdAtMs: number;
}

/** A bulk operation, and whoever reads it. */
export interface BulkRead<Step> {
  readonly signal: AbortSignal;
  /** One that an earlier try has started. */
  readonly id?: string | undefined;
  /** After an abort: whether another try takes the operation over. */
  goesOn(): boolean;
  /** What to yield while it runs. */
  waiting(id: string): Step;
}

/**
 * Runs a query over all objects as a bulk operation, and waits for its end. One that nobody waits for any more is
 * cancelled, because a shop allows few at a time.
 *
 * @throws PipelineError SOURCE_*; SOURCE_RATE_LIMITED where others are running, SOURCE_RESUME where `id` has not written a file
 */
export async function* runBulkOperation<Step>(
  settings: ShopifySettings,
  stream: ShopifyStream,
  read: BulkRead<Step>,
): AsyncGenerator<Step, BulkResult> {
  const { signal } = read;
  const ask = shopifyGraphql(settings, signal);
  const id = read.id ?? (await startOperation(ask, settings, stream));
  try {
    if (read.id === undefined) yield read.waiting(id);
    for (
      let waitMs: number = limits.shopifyBulkPollFirstMs;
      ;
      waitMs = Math.min(waitMs * 1.5, limits.shopifyBulkPollMaxMs)
    ) {
      await sleep(waitMs, undefined, { signal });
      const result = resultOf(await ask({ query: bulkStateQuery, variables: { id } }), read.id !== undefined);
      if (result !== undefined) return result;
      yield read.waiting(id);
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    if (signal.aborted && !read.goesOn()) await cancel(settings, id);
  }
}

async function startOperation(
  ask: GraphqlApi,
  { apiVersion }: ShopifySettings,
  stream: ShopifyStream,
): Promise<string> {
  return startedId(await ask({ query: bulkStartQuery(apiVersion), variables: { query: bulkQuery(stream) } }));
}

function startedId(page: JsonPage): string {
  const answer = memberAt(page.document, ['data', 'bulkOperationRunQuery']);
  const errors = memberAt(answer, ['userErrors']);
  const codes = Array.isArray(errors) ? errors.map((error) => String(memberAt(error, ['code']))) : [];
  if (codes.some((code) => ['OPERATION_IN_PROGRESS', 'LIMIT_REACHED'].includes(code))) {
    const retryAfterMs = limits.shopifyBulkBusyWaitMs;
    throw new PipelineError('SOURCE_RATE_LIMITED', { source: 'shopify', retryAfterMs }, { retryAfterMs });
  }
  if (codes.length > 0)
    throw new PipelineError('SOURCE_REFUSED', {
      source: 'shopify',
      status: 200,
      reason: `the bulk operation is refused (${codes.filter((code) => /^\w+$/.test(code)).join(', ')})`,
    });
  const id = memberAt(answer, ['bulkOperation', 'id']);
  if (typeof id !== 'string') throw protocolFailure('shopify', 'the bulk operation has no id');
  return id;
}

/** `undefined` while it runs. */
function resultOf(page: JsonPage, isTakenOver: boolean): BulkResult | undefined {
  const operation = memberAt(page.document, ['data', 'node']);
  const status = memberAt(operation, ['status']);
  if (['CREATED', 'RUNNING', 'CANCELING'].includes(String(status))) return undefined;
  if (status !== 'COMPLETED' && isTakenOver)
    throw resumeFailure('shopify', 'the bulk operation of the last try has not completed');
  if (status !== 'COMPLETED') throw failureOf(String(status), memberAt(operation, ['errorCode']));
  const url = memberAt(operation, ['url']);
  const objectCount = Number(exactTextAt(page.body, ['data', 'node', 'objectCount']));
  const createdAtMs = Date.parse(String(memberAt(operation, ['createdAt'])));
  const isWhole = Number.isSafeInteger(objectCount) && !Number.isNaN(createdAtMs);
  if (!isWhole || (typeof url !== 'string' && objectCount > 0))
    throw protocolFailure('shopify', 'the bulk operation does not say what it has written');
  return { url: typeof url === 'string' ? url : undefined, objectCount, createdAtMs };
}

function failureOf(status: string, errorCode: unknown): PipelineError {
  if (errorCode === 'ACCESS_DENIED')
    return new PipelineError('SOURCE_AUTH', { source: 'shopify', status: 403, connection: '-' });
  const reason = `the bulk operation ended as ${[status, errorCode].filter((word) => typeof word === 'string' && /^\w+$/.test(word)).join(', ')}`;
  return new PipelineError('SOURCE_UNAVAILABLE', { source: 'shopify', reason });
}

async function cancel(settings: ShopifySettings, id: string): Promise<void> {
  const ask: GraphqlApi = shopifyGraphql(settings, AbortSignal.timeout(limits.shopifyBulkCancelMs));
  // What it answers changes nothing: an operation that goes on ends by itself.
  await ask({ query: bulkCancelQuery, variables: { id } }).catch(() => undefined);
}
