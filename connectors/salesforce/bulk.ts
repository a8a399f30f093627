import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { isPipelineError, PipelineError, type ErrorCode } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { protocolFailure, type HttpResponse } from '../http/index.js';
import { memberAt } from '../json-page.js';
import { closedObject } from '../option-problems.js';
import { createPageGuard } from '../page-guard.js';
import { resumeFailure } from '../resume.js';
import { openSalesforce, type SalesforceApi } from './api.js';
import type { ObjectPlan } from './describe.js';
import { recordOfCsv, type SalesforceRecord } from './record.js';
import { resourceOf } from './query.js';
import type { SalesforceSettings } from './settings.js';

/** What a bulk read needs besides its query. */
export interface BulkContext {
  readonly signal: AbortSignal;
  /** After an abort: whether another try takes the job over. */
  goesOn(): boolean;
}

/** Records of a piece of the results, none while the job runs; and where a cut read goes on behind them. */
export interface BulkStep {
  readonly records: readonly SalesforceRecord[];
  readonly place?: BulkPlace;
}

/** A job, and the next piece of its results; without one the first. */
export type BulkPlace = { job: string; locator?: string };

const jobPattern = '^jobs/query/[A-Za-z0-9]{15,18}$';

/** Shape of a `BulkPlace`. */
export const bulkPlaceSchema = closedObject(
  { job: { type: 'string', pattern: jobPattern }, locator: { type: 'string' } },
  ['job'],
);

/**
 * Records by a query job of Bulk API 2.0: created, waited for, and its results read piece by piece. In the end the
 * job is aborted where it still runs, and deleted with its results, which hold the records for a week otherwise. It stays
 * where another try is to go on with it. Source of outside facts: Bulk API 2.0 Developer Guide, "Query".
 *
 * @param from a job of an earlier try
 * @throws PipelineError SOURCE_*; SOURCE_RESUME where that job failed
 */
export async function* bulkRecords(
  api: SalesforceApi,
  settings: SalesforceSettings,
  plan: ObjectPlan,
  query: string,
  context: BulkContext,
  from?: BulkPlace,
): AsyncGenerator<BulkStep> {
  const { signal, goesOn } = context;
  const job = from?.job ?? (await createJob(api, plan, query));
  let isComplete = false;
  let isEnded = false;
  let isLeft = false;
  try {
    if (from === undefined) yield { records: [], place: { job } };
    let waitMs: number = limits.salesforceBulkPollFirstMs;
    for (let state = await stateOf(api, job); state !== 'JobComplete'; state = await stateOf(api, job)) {
      isEnded = state === 'Failed' || state === 'Aborted';
      if (isEnded) throw jobFailure(state, from !== undefined);
      yield { records: [], place: { job } };
      await sleep(waitMs, undefined, { signal });
      waitMs = Math.min(waitMs * 1.5, limits.salesforceBulkPollMaxMs);
    }
    isComplete = true;
    yield* resultsOf(api, settings, plan, { job, ...from });
  } catch (error) {
    isLeft = isPipelineError(error) && outages.has(error.code) && !isEnded;
    throw signal.aborted ? signal.reason : error;
  } finally {
    const isTakenOver = signal.aborted ? goesOn() : isLeft;
    if (!isTakenOver) await endJob(settings, job, isComplete || isEnded);
  }
}

/** What says nothing against the job. */
const outages: ReadonlySet<ErrorCode> = new Set(['SOURCE_UNAVAILABLE', 'SOURCE_RATE_LIMITED']);

async function createJob(api: SalesforceApi, plan: ObjectPlan, query: string): Promise<string> {
  const created = await api.post('jobs/query', {
    operation: resourceOf(plan),
    query,
    contentType: 'CSV',
    columnDelimiter: 'COMMA',
    lineEnding: 'LF',
  });
  return jobPath(created.document);
}

type JobState = 'JobComplete' | 'UploadComplete' | 'InProgress' | 'Failed' | 'Aborted';

const jobStates: ReadonlySet<unknown> = new Set<JobState>([
  'JobComplete',
  'UploadComplete',
  'InProgress',
  'Failed',
  'Aborted',
]);

async function stateOf(api: SalesforceApi, job: string): Promise<JobState> {
  const { document } = await api.get(job);
  const state = memberAt(document, ['state']);
  if (!jobStates.has(state)) throw protocolFailure('salesforce', 'a bulk job has no known state');
  return state as JobState;
}

function jobFailure(state: JobState, isTakenOver: boolean): PipelineError {
  if (isTakenOver) return resumeFailure('salesforce', `the bulk job of the last try ended as ${state}`);
  return new PipelineError('SOURCE_UNAVAILABLE', {
    source: 'salesforce',
    reason: `its bulk job ended as ${state}; the page "Bulk Data Load Jobs" of the org tells why`,
  });
}

async function* resultsOf(
  api: SalesforceApi,
  { bulkPageSize }: SalesforceSettings,
  plan: ObjectPlan,
  { job, locator: from }: BulkPlace,
): AsyncGenerator<BulkStep> {
  const guard = createPageGuard('salesforce');
  let locator = from;
  do {
    guard.refuseRepeat(locator ?? '');
    const response: HttpResponse = await api.csv(`${job}/results`, {
      maxRecords: String(bulkPageSize),
      ...(locator !== undefined && { locator }),
    });
    const records = recordsOf(response, plan);
    guard.take(response.body, records.length);
    const next = response.headers.get('sforce-locator');
    locator = next === null || next === 'null' || next === '' ? undefined : next;
    yield { records, ...(locator !== undefined && { place: { job, locator } }) };
  } while (locator !== undefined);
}

function recordsOf(
  { body, headers }: HttpResponse,
  { fields, changedField }: ObjectPlan,
): SalesforceRecord[] {
  const [header = [], ...rows] = rowsOf(body);
  const places = fields.map(({ name }) => header.indexOf(name));
  if (rows.length > 0 && places.includes(-1))
    throw protocolFailure('salesforce', 'the results of a bulk job lack a field that was asked for');
  const told = headers.get('sforce-numberofrecords');
  if (told !== null && Number(told) !== rows.length)
    throw protocolFailure('salesforce', 'a piece of the results is not whole');
  return rows.map((row) => {
    const values = places.map((place) => row[place] ?? '');
    const record = recordOfCsv(values, fields, changedField);
    if (record === undefined) throw protocolFailure('salesforce', 'a record has no Id');
    return record;
  });
}

/** Every row must have as many values as the header. The parser's own text repeats values, so it stays out. */
function rowsOf(body: Uint8Array): string[][] {
  try {
    return parse(Buffer.from(body), { bom: true, skip_empty_lines: true });
  } catch {
    throw protocolFailure('salesforce', 'a piece of the results is no whole CSV');
  }
}

/** The read may have been cancelled, so this has a time of its own; a job that stays ends by itself after a week. */
async function endJob(settings: SalesforceSettings, job: string, isEnded: boolean): Promise<void> {
  try {
    const api = await openSalesforce(settings, AbortSignal.timeout(limits.salesforceBulkEndMs));
    if (!isEnded) await api.patch(job, { state: 'Aborted' });
    await api.remove(job);
  } catch {
    // What the read itself threw, or brought, counts.
  }
}

function jobPath(document: unknown): string {
  const id = memberAt(document, ['id']);
  const job = `jobs/query/${String(id)}`;
  if (!new RegExp(jobPattern).test(job)) throw protocolFailure('salesforce', 'a bulk job has no id');
  return job;
}
