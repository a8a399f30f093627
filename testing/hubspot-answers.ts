import type { HubspotFixtureObject, HubspotFixtureRecord, HubspotState } from './hubspot-state.js';

/** An answer of the fixture account. */
export interface HubspotFixtureAnswer {
  readonly status: number;
  readonly body: object;
}

interface SearchQuestion {
  readonly filterGroups?: readonly { readonly filters: readonly SearchFilter[] }[];
  readonly sorts?: readonly (string | { readonly propertyName: string; readonly direction?: string })[];
  readonly properties?: readonly string[];
  readonly limit?: number;
  readonly after?: string | number;
}

interface SearchFilter {
  readonly propertyName: string;
  readonly operator: string;
  readonly value?: string;
}

const defaults: Readonly<Record<HubspotFixtureObject, readonly string[]>> = {
  contacts: ['email', 'firstname', 'lastname'],
  companies: ['name', 'domain'],
  deals: ['dealname', 'amount'],
  tickets: ['subject', 'hs_pipeline_stage'],
};

/** A list by id: `limit`, `after`, `properties`, `archived`. */
export function listAnswer(
  state: HubspotState,
  object: HubspotFixtureObject,
  query: URLSearchParams,
): HubspotFixtureAnswer {
  const limit = Number(query.get('limit') ?? 10);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) return refusal('limit must be from 1 to 100');
  const isArchived = query.get('archived') === 'true';
  const after = BigInt(query.get('after') ?? 0);
  const shown = state
    .records(object)
    .filter((record) => (record.archivedAtMs !== undefined) === isArchived && BigInt(record.id) > after)
    .sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
  const asked = query.getAll('properties').flatMap((names) => names.split(','));
  return page(object, shown.slice(0, limit), asked, shown.length > limit ? shown[limit - 1]?.id : undefined);
}

/** A search: filters, one sorting, positions up to a greatest one. Archived objects are not found. */
export function searchAnswer(
  state: HubspotState,
  object: HubspotFixtureObject,
  question: SearchQuestion,
  maxResults: number,
): HubspotFixtureAnswer {
  const { limit = 10, filterGroups = [], sorts = [], properties = [] } = question;
  const from = Number(question.after ?? 0);
  if (limit > 200) return refusal('limit must be at most 200');
  if (from + limit > maxResults) return refusal(`paging is limited to ${String(maxResults)} results`);
  if (sorts.length > 1) return refusal('only one sorting is supported');
  const [sort = 'hs_object_id'] = sorts;
  const name = (typeof sort === 'string' ? sort : sort.propertyName).replace(/^-/, '');
  const isDescending = typeof sort === 'string' ? sort.startsWith('-') : sort.direction === 'DESCENDING';
  const found = state
    .records(object)
    .filter(
      ({ archivedAtMs, searchableAtStep }) => archivedAtMs === undefined && searchableAtStep <= state.step,
    )
    .filter(
      (record) =>
        filterGroups.length === 0 ||
        filterGroups.some(({ filters }) => filters.every((filter) => passes(object, record, filter))),
    )
    .sort((a, b) => {
      const order =
        compare(numberOf(object, a, name), numberOf(object, b, name)) || compare(BigInt(a.id), BigInt(b.id));
      return isDescending ? -order : order;
    });
  const next = from + limit < found.length ? String(from + limit) : undefined;
  const { body } = page(object, found.slice(from, from + limit), properties, next);
  return { status: 200, body: { total: found.length, ...body } };
}

/** Associations of many objects; those without any are told as errors, with status 207. */
export function associationAnswer(
  state: HubspotState,
  from: HubspotFixtureObject,
  to: HubspotFixtureObject,
  inputs: readonly { readonly id: string; readonly after?: string }[],
): HubspotFixtureAnswer {
  const records = new Map(state.records(from).map((record) => [record.id, record]));
  const results: object[] = [];
  const errors: object[] = [];
  for (const { id, after } of inputs) {
    const all = records.get(id)?.associations[to] ?? [];
    // Small pages, so that a reader has to ask again.
    const at = Number(after ?? 0);
    const shown = all.slice(at, at + 2);
    if (all.length === 0)
      errors.push({
        status: 'error',
        category: 'OBJECT_NOT_FOUND',
        subCategory: 'crm.associations.NO_ASSOCIATIONS_FOUND',
        message: `No ${to} are associated with ${from} ${id}.`,
        context: { fromObjectId: [id] },
      });
    else
      results.push({
        from: { id },
        to: shown.map((other) => ({
          toObjectId: other,
          associationTypes: [{ category: 'HUBSPOT_DEFINED', typeId: 279, label: null }],
        })),
        ...(at + 2 < all.length && { paging: { next: { after: String(at + 2) } } }),
      });
  }
  const times = { startedAt: iso(Date.now()), completedAt: iso(Date.now()) };
  const body = { status: 'COMPLETE', results, ...times };
  return errors.length === 0
    ? { status: 200, body }
    : { status: 207, body: { ...body, numErrors: errors.length, errors } };
}

/** The properties of a record as the API would give all of them. */
export function allProperties(
  object: HubspotFixtureObject,
  record: HubspotFixtureRecord,
): Record<string, string | null> {
  return {
    ...record.properties,
    createdate: iso(record.createdAtMs),
    hs_object_id: record.id,
    [object === 'contacts' ? 'lastmodifieddate' : 'hs_lastmodifieddate']: iso(record.updatedAtMs),
  };
}

function page(
  object: HubspotFixtureObject,
  records: readonly HubspotFixtureRecord[],
  asked: readonly string[],
  after: string | undefined,
): HubspotFixtureAnswer {
  const results = records.map((record) => {
    const all = allProperties(object, record);
    const changed = object === 'contacts' ? 'lastmodifieddate' : 'hs_lastmodifieddate';
    const names = new Set([
      ...(asked.length === 0 ? defaults[object] : asked),
      'createdate',
      'hs_object_id',
      changed,
    ]);
    return {
      id: record.id,
      properties: Object.fromEntries([...names].map((name) => [name, all[name] ?? null])),
      createdAt: iso(record.createdAtMs),
      updatedAt: iso(record.updatedAtMs),
      archived: record.archivedAtMs !== undefined,
      ...(record.archivedAtMs !== undefined && { archivedAt: iso(record.archivedAtMs) }),
    };
  });
  return { status: 200, body: { results, ...(after !== undefined && { paging: { next: { after } } }) } };
}

function passes(object: HubspotFixtureObject, record: HubspotFixtureRecord, filter: SearchFilter): boolean {
  const order = compare(numberOf(object, record, filter.propertyName), BigInt(filter.value ?? 0));
  const operators: Readonly<Record<string, boolean>> = {
    EQ: order === 0,
    GT: order > 0,
    GTE: order >= 0,
    LT: order < 0,
    LTE: order <= 0,
  };
  return operators[filter.operator] ?? false;
}

/** Dates are compared in milliseconds, ids as numbers. */
function numberOf(object: HubspotFixtureObject, record: HubspotFixtureRecord, name: string): bigint {
  const text = allProperties(object, record)[name] ?? '0';
  return /^\d+$/.test(text) ? BigInt(text) : BigInt(Date.parse(text) || 0);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function refusal(message: string): HubspotFixtureAnswer {
  return {
    status: 400,
    body: { status: 'error', category: 'VALIDATION_ERROR', message, correlationId: 'fixture' },
  };
}

function iso(instantMs: number): string {
  return new Date(instantMs).toISOString();
}
