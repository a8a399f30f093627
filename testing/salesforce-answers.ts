import { randomUUID } from 'node:crypto';
import { LosslessNumber } from 'lossless-json';
import { parseSoql, type FixtureQuery } from './salesforce-soql.js';
import {
  salesforceFields,
  type SalesforceFixtureObject,
  type SalesforceFixtureRecord,
  type SalesforceState,
  type SalesforceValue,
} from './salesforce-state.js';

/** An answer of the fixture org: JSON, or CSV where `csv` is present. */
export interface SalesforceFixtureAnswer {
  readonly status: number;
  readonly body?: object;
  readonly csv?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Fields that every object has. */
const systemFields = {
  Id: 'id',
  IsDeleted: 'boolean',
  CreatedDate: 'datetime',
  SystemModstamp: 'datetime',
} as const;

/** A refusal as Salesforce writes it. */
export function refusal(status: number, errorCode: string, message = errorCode): SalesforceFixtureAnswer {
  return { status, body: [{ message, errorCode }] };
}

/** `describe` of an object. */
export function describeAnswer(name: string): SalesforceFixtureAnswer {
  if (!Object.hasOwn(salesforceFields, name))
    return refusal(404, 'NOT_FOUND', 'The requested resource does not exist');
  const types = { ...systemFields, ...salesforceFields[name as SalesforceFixtureObject] };
  const fields = Object.entries(types).map(([field, type]) => ({
    name: field,
    type,
    nillable: field !== 'Id',
  }));
  return { status: 200, body: { name, queryable: true, fields } };
}

/** Queries and query jobs of the fixture org. */
export class SalesforceQueries {
  readonly #state: SalesforceState;
  readonly #pageMaxRecords: number;
  readonly #pollsUntilDone: number;
  readonly #locators = new Map<string, { readonly query: FixtureQuery; readonly ids: readonly string[] }>();
  readonly #jobs = new Map<string, Job>();

  constructor(
    state: SalesforceState,
    bounds: { readonly pageMaxRecords: number; readonly pollsUntilDone: number },
  ) {
    this.#state = state;
    this.#pageMaxRecords = bounds.pageMaxRecords;
    this.#pollsUntilDone = bounds.pollsUntilDone;
  }

  /** Jobs that were created and not deleted, with their states. */
  jobs(): readonly string[] {
    return [...this.#jobs.values()].map(({ state }) => state);
  }

  /** The first page of a query: the ids are found now, their values are those of the moment of each page. */
  first(path: string, soql: string, batchSize: number): SalesforceFixtureAnswer {
    const query = this.#checked(soql);
    if (!('object' in query)) return query;
    const ids = this.#find(query, path === 'queryAll').map(({ id }) => id);
    const locator = `01g${randomUUID().replaceAll('-', '').slice(0, 12)}AAA`;
    this.#locators.set(locator, { query, ids });
    return this.#page(path, locator, 0, batchSize);
  }

  next(path: string, place: string, batchSize: number): SalesforceFixtureAnswer {
    const [locator = '', offset] = place.split('-');
    if (!this.#locators.has(locator)) return refusal(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator');
    return this.#page(path, locator, Number(offset), batchSize);
  }

  /** Forgets the locators of all queries under way. */
  loseLocators(): void {
    this.#locators.clear();
  }

  createJob(request: Readonly<Record<string, unknown>>): SalesforceFixtureAnswer {
    const query = this.#checked(String(request['query']));
    if (!('object' in query)) return query;
    const id = `750${String(this.#jobs.size + 1).padStart(12, '0')}AAA`;
    const records = this.#find(query, request['operation'] === 'queryAll');
    this.#jobs.set(id, { query, records, state: 'UploadComplete', polls: 0 });
    return {
      status: 200,
      body: { id, operation: request['operation'], object: query.object, state: 'UploadComplete' },
    };
  }

  job(id: string): SalesforceFixtureAnswer {
    const job = this.#jobs.get(id);
    if (job === undefined) return refusal(404, 'NOT_FOUND');
    job.polls += 1;
    if (job.state === 'UploadComplete' || job.state === 'InProgress')
      job.state = job.polls > this.#pollsUntilDone ? 'JobComplete' : 'InProgress';
    return { status: 200, body: { id, state: job.state, numberRecordsProcessed: job.records.length } };
  }

  failJobs(): void {
    for (const job of this.#jobs.values()) job.state = 'Failed';
  }

  abortJob(id: string, request: Readonly<Record<string, unknown>>): SalesforceFixtureAnswer {
    const job = this.#jobs.get(id);
    if (job === undefined || request['state'] !== 'Aborted') return refusal(400, 'INVALIDJOBSTATE');
    job.state = 'Aborted';
    return { status: 200, body: { id, state: job.state } };
  }

  deleteJob(id: string): SalesforceFixtureAnswer {
    const job = this.#jobs.get(id);
    const isOver = job !== undefined && ['JobComplete', 'Aborted', 'Failed'].includes(job.state);
    if (!isOver) return refusal(400, 'INVALIDJOBSTATE');
    this.#jobs.delete(id);
    return { status: 204 };
  }

  results(id: string, query: URLSearchParams): SalesforceFixtureAnswer {
    const job = this.#jobs.get(id);
    if (job?.state !== 'JobComplete') return refusal(400, 'INVALIDJOBSTATE');
    const from = Number(Buffer.from(query.get('locator') ?? 'MA', 'base64url').toString());
    const to = from + Number(query.get('maxRecords') ?? 10_000);
    const shown = job.records.slice(from, to);
    const lines = shown.map((record) =>
      job.query.fields.map((field) => csvText(valueOf(record, field))).join(','),
    );
    const header = job.query.fields.map((field) => `"${field}"`).join(',');
    const locator = to < job.records.length ? Buffer.from(String(to)).toString('base64url') : 'null';
    return {
      status: 200,
      csv: `${[header, ...lines].join('\n')}\n`,
      headers: { 'sforce-locator': locator, 'sforce-numberofrecords': String(shown.length) },
    };
  }

  #checked(soql: string): FixtureQuery | SalesforceFixtureAnswer {
    const query = parseSoql(soql);
    if (query === undefined)
      return refusal(400, 'MALFORMED_QUERY', `unexpected token in ${soql.slice(0, 20)}`);
    if (!Object.hasOwn(salesforceFields, query.object)) return refusal(400, 'INVALID_TYPE');
    const known = { ...systemFields, ...salesforceFields[query.object as SalesforceFixtureObject] };
    const isKnown = [...query.fields, ...query.orderBy, ...query.asked].every((field) =>
      Object.hasOwn(known, field),
    );
    return isKnown ? query : refusal(400, 'INVALID_FIELD', 'No such column');
  }

  #find(query: FixtureQuery, withDeleted: boolean): SalesforceFixtureRecord[] {
    return this.#state
      .records(query.object as SalesforceFixtureObject)
      .filter((record) => withDeleted || !record.isDeleted)
      .filter((record) => query.passes((field) => valueOf(record, field)))
      .sort((a, b) => {
        for (const field of query.orderBy) {
          const [left, right] = [String(valueOf(a, field)), String(valueOf(b, field))];
          if (left !== right) return left < right ? -1 : 1;
        }
        return 0;
      });
  }

  #page(path: string, locator: string, from: number, batchSize: number): SalesforceFixtureAnswer {
    const found = this.#locators.get(locator);
    if (found === undefined) return refusal(400, 'INVALID_QUERY_LOCATOR');
    const { query, ids } = found;
    const object = query.object as SalesforceFixtureObject;
    const records = new Map(this.#state.records(object).map((record) => [record.id, record]));
    const to = from + Math.min(batchSize, this.#pageMaxRecords);
    const shown = ids.slice(from, to).map((id) => {
      const record = records.get(id) as SalesforceFixtureRecord;
      return {
        attributes: { type: object, url: `/services/data/v60.0/sobjects/${object}/${id}` },
        ...Object.fromEntries(query.fields.map((field) => [field, valueOf(record, field)])),
      };
    });
    const isDone = to >= ids.length;
    const next = `/services/data/v60.0/${path}/${locator}-${String(to)}`;
    return {
      status: 200,
      body: { totalSize: ids.length, done: isDone, ...(!isDone && { nextRecordsUrl: next }), records: shown },
    };
  }
}

interface Job {
  readonly query: FixtureQuery;
  readonly records: readonly SalesforceFixtureRecord[];
  state: string;
  polls: number;
}

/** A field of a record as the REST API writes it. */
export function valueOf(record: SalesforceFixtureRecord, field: string): SalesforceValue {
  if (field === 'Id') return record.id;
  if (field === 'IsDeleted') return record.isDeleted;
  if (field === 'SystemModstamp') return stamp(record.changedAtMs);
  if (field === 'CreatedDate') return stamp(record.createdAtMs);
  return record.fields[field] ?? null;
}

function stamp(instantMs: number): string {
  return new Date(instantMs).toISOString().replace('Z', '+0000');
}

/** Bulk results quote every value, write `null` as nothing, and times with `Z`. */
function csvText(value: SalesforceValue): string {
  if (value === null) return '""';
  const text = value instanceof LosslessNumber ? value.value : String(value);
  return `"${text.replace(/\+0000$/, 'Z').replaceAll('"', '""')}"`;
}
