import { PipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import { limits } from '../../core/limits.js';
import { cursorLessLag, cursorNotAfter, laterCursor } from '../cursor.js';
import { lineBatch } from '../line-batch.js';
import { closedObject } from '../option-problems.js';
import { resumeOf, withCursor } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { openSalesforce, type SalesforceApi } from './api.js';
import { bulkPlaceSchema, bulkRecords, type BulkPlace } from './bulk.js';
import { describeObject, type ObjectPlan } from './describe.js';
import { queryPlaceSchema, queryRecords, spanQuery, type ChangeSpan, type QueryPlace } from './query.js';
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
  const from = resumeOf('salesforce', request, placeSchema) as Place | undefined;
  const described = await describeObject(api, settings);
  const plan = { ...described, beganAtMs: from?.beganAtMs ?? described.beganAtMs };
  const { beganAtMs } = plan;
  const span = spanOf(request, settings, plan);
  let cursor = from?.cursor ?? request.cursor;
  for await (const { records, place } of stepsOf(api, settings, { plan, span, from }, context)) {
    context.heartbeat();
    for (const { changedAt } of records) cursor = laterCursor(cursor, cursorNotAfter(changedAt, beganAtMs));
    const behind = withCursor<Place>(place && { ...place, beganAtMs }, cursor);
    yield* batchesOf(records, plan, cursor, behind);
  }
}

/** Behind a page of a query or a piece of a job's results, and when the read began. */
type Place = { beganAtMs: number; cursor?: JsonValue; bulk?: BulkPlace; query?: QueryPlace };

const placeSchema = closedObject(
  { beganAtMs: { type: 'number' }, cursor: true, bulk: bulkPlaceSchema, query: queryPlaceSchema },
  ['beganAtMs'],
);

interface Step {
  readonly records: readonly SalesforceRecord[];
  readonly place?: Pick<Place, 'bulk' | 'query'>;
}

interface StepsRequest {
  readonly plan: ObjectPlan;
  readonly span: ChangeSpan;
  readonly from: Place | undefined;
}

async function* stepsOf(
  api: SalesforceApi,
  settings: SalesforceSettings,
  { plan, span, from }: StepsRequest,
  { signal, goesOn }: ReadContext,
): AsyncGenerator<Step> {
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
  if (!isBulk) {
    for await (const { records, place } of queryRecords(api, settings, plan, span, from?.query))
      yield { records, ...(place !== undefined && { place: { query: place } }) };
    return;
  }
  const context = { signal, goesOn: () => goesOn?.() === true };
  for await (const { records, place } of bulkRecords(api, settings, plan, query, context, from?.bulk))
    yield { records, ...(place !== undefined && { place: { bulk: place } }) };
}

function* batchesOf(
  records: readonly SalesforceRecord[],
  { changedField }: ObjectPlan,
  cursor: JsonValue | undefined,
  place: Place | undefined,
): Generator<SourceBatch> {
  const rows = records.filter(({ isDeleted }) => !isDeleted).map(({ line }) => line);
  const gone = records.filter(({ isDeleted }) => isDeleted);
  yield lineBatch('rows', rows, cursor, gone.length === 0 ? place : undefined);
  if (gone.length > 0)
    yield lineBatch(
      'deletes',
      gone.map((record) => deletionLine(record, changedField)),
      cursor,
      place,
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
