import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { cursorLessLag, cursorNotAfter, laterCursor } from '../cursor.js';
import { lineBatch } from '../line-batch.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { openSalesforce, type SalesforceApi } from './api.js';
import { bulkRecords } from './bulk.js';
import { describeObject, type ObjectPlan } from './describe.js';
import { queryRecords, spanQuery, type ChangeSpan } from './query.js';
import { deletionLine, type SalesforceRecord } from './record.js';
import type { SalesforceSettings } from './settings.js';

/**
 * Records of one object, and deletions for those that lie in the recycle bin. A read of everything is a bulk job, one from
 * a cursor or for an interval a query by the time of change; the options can ask for one of them alone.
 *
 * @throws PipelineError SOURCE_*, CONFIG_INVALID
 */
export async function* readSalesforce(
  settings: SalesforceSettings,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const api = await openSalesforce(settings, context.signal);
  const plan = await describeObject(api, settings);
  const span = spanOf(request, settings, plan);
  let cursor = request.cursor;
  for await (const records of recordsIn(api, settings, plan, span, context)) {
    context.heartbeat();
    for (const { changedAt } of records)
      cursor = laterCursor(cursor, cursorNotAfter(changedAt, plan.beganAtMs));
    yield* batchesOf(records, plan, cursor);
  }
}

function recordsIn(
  api: SalesforceApi,
  settings: SalesforceSettings,
  plan: ObjectPlan,
  span: ChangeSpan,
  { signal, heartbeat }: ReadContext,
): AsyncGenerator<readonly SalesforceRecord[]> {
  const query = spanQuery(settings, plan, span, false);
  const isFull = span.start === undefined && span.end === undefined;
  const isTooLong = encodeURIComponent(query).length > limits.salesforceQueryMaxLength;
  const isBulk = settings.bulk === 'always' || (settings.bulk === 'full' && (isFull || isTooLong));
  if (isTooLong && !isBulk)
    throw new PipelineError('CONFIG_INVALID', {
      problems: [
        `salesforce: a query over ${String(plan.fields.length)} fields of ${settings.object} is too long for an address; list "fields", or leave "bulk" out`,
      ],
    });
  return isBulk
    ? bulkRecords(api, settings, plan, query, { signal, heartbeat: () => heartbeat() })
    : queryRecords(api, settings, plan, span);
}

function* batchesOf(
  records: readonly SalesforceRecord[],
  { changedField }: ObjectPlan,
  cursor: JsonValue | undefined,
): Generator<SourceBatch> {
  const rows = records.filter(({ isDeleted }) => !isDeleted).map(({ line }) => line);
  yield lineBatch('rows', rows, cursor);
  const gone = records.filter(({ isDeleted }) => isDeleted);
  if (gone.length > 0)
    yield lineBatch(
      'deletes',
      gone.map((record) => deletionLine(record, changedField)),
      cursor,
    );
}

function spanOf(
  request: ReadRequest,
  { object }: SalesforceSettings,
  { changedField }: ObjectPlan,
): ChangeSpan {
  const { interval } = request;
  const isPart = interval !== undefined || request.cursor !== undefined || request.cursorPath !== undefined;
  if (isPart && changedField === undefined)
    throw new PipelineError('CONFIG_INVALID', {
      problems: [
        `salesforce: ${object} has no time of change, so it can only be read whole: leave cursor and interval out`,
      ],
    });
  if (request.cursorPath !== undefined && changedField !== undefined && request.cursorPath !== changedField)
    throw new PipelineError('CONFIG_INVALID', {
      problems: [`salesforce: ${object} is followed by "${changedField}"; give the cursor this path`],
    });
  if (interval !== undefined) return { start: interval.start, end: interval.end };
  const start = cursorLessLag(request.cursor, request.lagMs);
  return start === undefined ? {} : { start };
}
