import { protocolFailure } from '../http/index.js';
import { memberAt, recordsAt } from '../json-page.js';
import { closedObject } from '../option-problems.js';
import { createPageGuard } from '../page-guard.js';
import type { SalesforceAnswer, SalesforceApi } from './api.js';
import type { ObjectPlan } from './describe.js';
import { recordOfJson, type SalesforceRecord } from './record.js';
import { isLocatorLost } from './refusal.js';
import type { SalesforceSettings } from './settings.js';
import { instantLiteral, soqlText } from './soql.js';

/** Span of the time of last change, ISO 8601; half-open. */
export interface ChangeSpan {
  readonly start?: string;
  readonly end?: string;
}

/** The text of a query for the records of a span. */
export function spanQuery(
  { object }: SalesforceSettings,
  plan: ObjectPlan,
  { start, end }: ChangeSpan,
  isOrdered: boolean,
): string {
  const { changedField, conditions, fields } = plan;
  const bound = (operator: string, instant: string | undefined): string[] =>
    changedField === undefined || instant === undefined
      ? []
      : [`${changedField} ${operator} ${instantLiteral(instant)}`];
  return soqlText({
    object,
    fields: fields.map(({ name }) => name),
    conditions: [...bound('>=', start), ...bound('<', end), ...conditions],
    orderBy: isOrdered && changedField !== undefined ? [changedField, 'Id'] : [],
  });
}

/** Records of a page, and where a cut read goes on behind them. */
export interface QueryStep {
  readonly records: readonly SalesforceRecord[];
  readonly place?: QueryPlace;
}

/** The next page of a query, and where another one begins if Salesforce no longer knows that page. */
export type QueryPlace = { next: string; at?: string; ids?: string[] };

/** Shape of a `QueryPlace`. */
export const queryPlaceSchema = closedObject(
  { next: { type: 'string' }, at: { type: 'string' }, ids: { type: 'array', items: { type: 'string' } } },
  ['next'],
);

/**
 * Records by the time of their last change, page by page. Where the locator of a query is lost (it lives two days, and a
 * user has few of them), a new query begins at the time where the old one was, and what came already is left out.
 *
 * @throws PipelineError SOURCE_*
 */
export async function* queryRecords(
  api: SalesforceApi,
  settings: SalesforceSettings,
  plan: ObjectPlan,
  span: ChangeSpan,
  place?: QueryPlace,
): AsyncGenerator<QueryStep> {
  const { pageSize: batchSize } = settings;
  let position: Position | undefined =
    place?.at === undefined ? undefined : { at: place.at, ids: new Set(place.ids) };
  let next = place?.next;
  let guard = createPageGuard('salesforce');
  // A new query that brought nothing new would lose its place again and again.
  let newRecords = position === undefined ? 0 : 1;
  for (;;) {
    let answer = next === undefined ? undefined : await pageAt(api, next, batchSize, newRecords > 0);
    if (answer === undefined) {
      const from = position === undefined ? span : { ...span, start: position.at };
      const q = spanQuery(settings, plan, from, true);
      guard = createPageGuard('salesforce');
      newRecords = 0;
      answer = await api.get(resourceOf(plan), { query: { q }, batchSize });
    }
    const all = recordsOf(answer, plan);
    guard.take(answer.body, all.length);
    const known = position;
    const records = all.filter((record) => !isKnown(known, record));
    newRecords += records.length;
    position = advance(position, records, plan.beganAtMs);
    next = nextOf(answer);
    if (next !== undefined) guard.refuseRepeat(next);
    yield { records, ...(next !== undefined && { place: placeOf(next, position) }) };
    if (next === undefined) return;
  }
}

/** `undefined` where the query has lost its place, and another one may begin. */
function pageAt(
  api: SalesforceApi,
  next: string,
  batchSize: number,
  mayBegin: boolean,
): Promise<SalesforceAnswer | undefined> {
  return api.next(next, { batchSize }).catch((error: unknown) => {
    if (isLocatorLost(error) && mayBegin) return undefined;
    throw error;
  });
}

function placeOf(next: string, position: Position | undefined): QueryPlace {
  return { next, ...(position !== undefined && { at: position.at, ids: [...position.ids] }) };
}

/** Where deleted rows are told too. */
export function resourceOf({ hasDeleted }: ObjectPlan): 'query' | 'queryAll' {
  return hasDeleted ? 'queryAll' : 'query';
}

/** The end of what was read: the time of the last change, and the records with that very time that came already. */
interface Position {
  readonly at: string;
  readonly ids: ReadonlySet<string>;
}

function isKnown(position: Position | undefined, { id, changedAt }: SalesforceRecord): boolean {
  return position !== undefined && changedAt === position.at && position.ids.has(id);
}

/** Only records that did not change since the read began are in the order asked for. */
function advance(
  position: Position | undefined,
  records: readonly SalesforceRecord[],
  beganAtMs: number,
): Position | undefined {
  let at = position?.at;
  let ids = new Set(position?.ids);
  for (const { id, changedAt } of records) {
    if (changedAt === undefined || Date.parse(changedAt) > beganAtMs) continue;
    if (at !== undefined && changedAt < at)
      throw protocolFailure('salesforce', 'the records are not in the order asked for');
    if (changedAt !== at) ids = new Set();
    at = changedAt;
    ids.add(id);
  }
  return at === undefined ? undefined : { at, ids };
}

function recordsOf(answer: SalesforceAnswer, { fields, changedField }: ObjectPlan): SalesforceRecord[] {
  return recordsAt('salesforce', answer, ['records']).map(({ bytes }) => {
    const record = recordOfJson(bytes, fields, changedField);
    if (record === undefined) throw protocolFailure('salesforce', 'a record has no Id');
    return record;
  });
}

function nextOf({ document }: SalesforceAnswer): string | undefined {
  const [isDone, next] = [memberAt(document, ['done']), memberAt(document, ['nextRecordsUrl'])];
  if (isDone === true) return undefined;
  if (typeof next !== 'string')
    throw protocolFailure('salesforce', 'a page is not the last, and names no next one');
  return next;
}
