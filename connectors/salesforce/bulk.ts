import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import { protocolFailure, type HttpResponse } from '../http/index.js';
import { memberAt } from '../json-page.js';
import { createPageGuard } from '../page-guard.js';
import { openSalesforce, type SalesforceApi } from './api.js';
import type { ObjectPlan } from './describe.js';
import { recordOfCsv, type SalesforceRecord } from './record.js';
import { resourceOf } from './query.js';
import type { SalesforceSettings } from './settings.js';

/** What a bulk read needs besides its query. */
export interface BulkContext {
  readonly signal: AbortSignal;
  heartbeat(): void;
}

/**
 * Records by a query job of Bulk API 2.0: created, waited for, and its results read piece by piece. Whatever happens, the
 * job is aborted where it still runs, and deleted with its results, which hold the records for a week otherwise.
 * Source of outside facts: Bulk API 2.0 Developer Guide, "Query".
 *
 * @throws PipelineError SOURCE_*
 */
export async function* bulkRecords(
  api: SalesforceApi,
  settings: SalesforceSettings,
  plan: ObjectPlan,
  query: string,
  context: BulkContext,
): AsyncGenerator<readonly SalesforceRecord[]> {
  const created = await api.post('jobs/query', {
    operation: resourceOf(plan),
    query,
    contentType: 'CSV',
    columnDelimiter: 'COMMA',
    lineEnding: 'LF',
  });
  const job = jobPath(created.document);
  let isEnded = false;
  try {
    await waitForJob(api, job, context);
    isEnded = true;
    yield* resultsOf(api, settings, plan, job);
  } finally {
    await endJob(settings, job, isEnded);
  }
}

async function waitForJob(
  api: SalesforceApi,
  job: string,
  { signal, heartbeat }: BulkContext,
): Promise<void> {
  let waitMs: number = limits.salesforceBulkPollFirstMs;
  for (;;) {
    const { document } = await api.get(job);
    heartbeat();
    const state = memberAt(document, ['state']);
    if (state === 'JobComplete') return;
    if (state === 'Failed' || state === 'Aborted')
      throw new PipelineError('SOURCE_UNAVAILABLE', {
        source: 'salesforce',
        reason: `its bulk job ended as ${state}; the page "Bulk Data Load Jobs" of the org tells why`,
      });
    if (state !== 'UploadComplete' && state !== 'InProgress')
      throw protocolFailure('salesforce', 'a bulk job has no known state');
    await sleep(waitMs, undefined, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    waitMs = Math.min(waitMs * 1.5, limits.salesforceBulkPollMaxMs);
  }
}

async function* resultsOf(
  api: SalesforceApi,
  { bulkPageSize }: SalesforceSettings,
  plan: ObjectPlan,
  job: string,
): AsyncGenerator<readonly SalesforceRecord[]> {
  const guard = createPageGuard('salesforce');
  let locator: string | undefined;
  do {
    guard.refuseRepeat(locator ?? '');
    const response: HttpResponse = await api.csv(`${job}/results`, {
      maxRecords: String(bulkPageSize),
      ...(locator !== undefined && { locator }),
    });
    const records = recordsOf(response, plan);
    guard.take(response.body, records.length);
    yield records;
    const next = response.headers.get('sforce-locator');
    locator = next === null || next === 'null' || next === '' ? undefined : next;
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
  if (typeof id !== 'string' || !/^[A-Za-z0-9]{15,18}$/.test(id))
    throw protocolFailure('salesforce', 'a bulk job has no id');
  return `jobs/query/${id}`;
}
