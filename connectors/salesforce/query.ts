import { protocolFailure } from '../http/index.js';
import { memberAt, recordsAt } from '../json-page.js';
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
): AsyncGenerator<readonly SalesforceRecord[]> {
  const { pageSize: batchSize } = settings;
  let position: Position | undefined;
  for (;;) {
    const from = position === undefined ? span : { ...span, start: position.at };
    const q = spanQuery(settings, plan, from, true);
    const guard = createPageGuard('salesforce');
    let answer = await api.get(resourceOf(plan), { query: { q }, batchSize });
    let newRecords = 0;
    for (;;) {
      const all = recordsOf(answer, plan);
      guard.take(answer.body, all.length);
      const records = all.filter((record) => !isKnown(position, record));
      newRecords += records.length;
      yield records;
      position = advance(position, records, plan.beganAtMs);
      const next = nextOf(answer);
      if (next === undefined) return;
      guard.refuseRepeat(next);
      const page = await api.next(next, { batchSize }).catch((error: unknown) => {
        if (isLocatorLost(error) && newRecords > 0) return undefined;
        throw error;
      });
      if (page === undefined) break;
      answer = page;
    }
  }
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
