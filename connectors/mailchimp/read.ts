import { isPipelineError } from '../../core/errors/index.js';
import type { JsonValue } from '../../core/json.js';
import { cursorLessLag, cursorNotAfter, laterCursor } from '../cursor.js';
import { exactTextAt, memberAt } from '../json-page.js';
import { sliceAt, toLine } from '../json-slices.js';
import { lineBatch } from '../line-batch.js';
import { closedObject } from '../option-problems.js';
import { resumeOf, withCursor } from '../resume.js';
import type { ReadContext, ReadRequest, SourceBatch } from '../source.js';
import { openMailchimp, type MailchimpApi } from './api.js';
import {
  asked,
  readByTime,
  timedPlaceSchema,
  type Span,
  type TimedCollection,
  type TimedPlace,
  type TimedRecord,
} from './by-time.js';
import { activitiesOf, emailRows } from './email-events.js';
import type { MailchimpSettings } from './settings.js';
import { idOf, readWhole } from './whole.js';

const dayMs = 86_400_000;

const campaigns: TimedCollection = {
  path: 'campaigns',
  list: 'campaigns',
  idName: 'id',
  timeName: 'create_time',
  sinceName: 'since_create_time',
  beforeName: 'before_create_time',
};

/** A read of one stream. @throws PipelineError SOURCE_* */
export async function* readMailchimp(
  settings: MailchimpSettings,
  request: ReadRequest,
  context: ReadContext,
): AsyncGenerator<SourceBatch> {
  const api = await openMailchimp(settings, context.signal);
  const span = spanOf(request);
  if (settings.stream === 'email-events') yield* readEmailEvents(api, settings, span, request, context);
  else yield* readRecords(api, settings, span, request, context);
}

/** Members by their last change, or campaigns by the time at which they were made, as sent. */
async function* readRecords(
  api: MailchimpApi,
  { stream, listId, pageSize }: MailchimpSettings,
  span: Span,
  request: ReadRequest,
  { heartbeat }: ReadContext,
): AsyncGenerator<SourceBatch> {
  const members: TimedCollection = {
    path: `lists/${listId}/members`,
    list: 'members',
    // Stays when the address changes; `id` is a hash of the address.
    idName: 'contact_id',
    timeName: 'last_changed',
    sinceName: 'since_last_changed',
    beforeName: 'before_last_changed',
  };
  const from = resumeOf('mailchimp', request, placeSchema) as Place | undefined;
  let cursor = from?.cursor ?? request.cursor;
  const collection = stream === 'members' ? members : campaigns;
  for await (const { records, place } of readByTime(api, collection, span, pageSize, from?.time)) {
    for (const { at } of records) if (at !== '') cursor = laterCursor(cursor, at);
    heartbeat();
    yield lineBatch(
      'rows',
      records.map(({ bytes }) => toLine(bytes)),
      cursor,
      withCursor<Place>(place && { time: place }, cursor),
    );
  }
}

/** Behind a page of records. */
type Place = { time: TimedPlace; cursor?: JsonValue };

const placeSchema = closedObject({ time: timedPlaceSchema, cursor: true }, ['time']);

/**
 * What happened to the messages of each campaign that is being sent, or was sent within `campaignDays` before the span. The
 * cursor never passes the moment at which the read began: campaigns are read one after the other. Source:
 * https://mailchimp.com/developer/marketing/api/email-activity-reports/list-email-activity/.
 */
async function* readEmailEvents(
  api: MailchimpApi,
  settings: MailchimpSettings,
  span: Span,
  request: ReadRequest,
  { heartbeat }: ReadContext,
): AsyncGenerator<SourceBatch> {
  const { pageSize, campaignDays } = settings;
  const sent: { readonly id: string; readonly subject: Uint8Array | undefined }[] = [];
  const earliest =
    span.start === undefined ? '' : new Date(Date.parse(span.start) - campaignDays * dayMs).toISOString();
  const until = span.end === undefined ? {} : { end: span.end };
  for await (const { records } of readByTime(api, campaigns, until, pageSize)) {
    heartbeat();
    for (const record of records)
      if (isSent(record, earliest))
        sent.push({
          id: idOf(record, campaigns.idName),
          subject: sliceAt(record.bytes, ['settings', 'subject_line']),
        });
  }
  const isWanted = (at: string): boolean =>
    at >= (span.start ?? '') && (span.end === undefined || at < span.end);
  let cursor = request.cursor;
  let beganAtMs: number | undefined;
  for (const { id, subject } of sent) {
    const ask = async (offset: number) => {
      const page = await api.page(`reports/${id}/email-activity`, 'emails', {
        count: String(pageSize),
        offset: String(offset),
        // "After": the very second is asked for from the second before.
        ...(span.start !== undefined && { since: asked(Date.parse(span.start) - 1_000) }),
      });
      beganAtMs ??= page.answeredAtMs;
      return page;
    };
    try {
      for await (const records of readWhole(ask, 'email_id')) {
        const rows = emailRows(
          records.flatMap((record) => activitiesOf(record, subject)),
          isWanted,
        );
        for (const at of rows.times)
          cursor = laterCursor(cursor, cursorNotAfter(at, beganAtMs ?? Date.now()));
        heartbeat();
        yield { ...lineBatch('rows', rows.lines, cursor), rejects: rows.rejects };
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function isSent(record: TimedRecord, earliest: string): boolean {
  const status = exactTextAt(record.bytes, ['status']);
  if (status === 'sending') return true;
  const sentAt = Date.parse(String(memberAt(record.parsed, ['send_time'])));
  return status === 'sent' && (Number.isNaN(sentAt) || new Date(sentAt).toISOString() >= earliest);
}

/** The campaign was deleted since it was listed, and its report with it. */
function isGone(error: unknown): boolean {
  return isPipelineError(error) && error.code === 'SOURCE_REFUSED' && error.context['status'] === 404;
}

function spanOf(request: ReadRequest): Span {
  if (request.interval !== undefined) return { start: request.interval.start, end: request.interval.end };
  const start = cursorLessLag(request.cursor, request.lagMs);
  return start === undefined ? {} : { start };
}
