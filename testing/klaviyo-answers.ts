import { klaviyoMetrics, type createKlaviyoState } from './klaviyo-state.js';

type KlaviyoState = ReturnType<typeof createKlaviyoState>;

/** One record of a collection, with the time that it is sorted and filtered by. */
interface Entry {
  readonly id: string;
  readonly atMs: number;
  readonly resource: object;
}

/** An answer of the fixture account. */
export interface KlaviyoAnswer {
  readonly status: number;
  readonly body: object;
}

/** How pages are distorted by a fault. */
export interface KlaviyoDistortion {
  readonly isLoop: boolean;
  readonly isEndless: boolean;
  readonly isDuplicate: boolean;
  readonly count: number;
}

const collections = {
  profiles: {
    timeMember: 'updated',
    operators: ['greater-than', 'less-than'],
    maxPage: 100,
    defaultPage: 20,
  },
  events: {
    timeMember: 'datetime',
    operators: ['greater-than', 'greater-or-equal', 'less-than', 'less-or-equal'],
    maxPage: 1_000,
    defaultPage: 200,
  },
} as const;

/** A page of profiles or events: `filter`, `sort`, `page[size]`, `page[cursor]`; 400 for what the API does not know. */
export function klaviyoCollection(
  state: KlaviyoState,
  name: keyof typeof collections,
  url: URL,
  distortion: KlaviyoDistortion,
): KlaviyoAnswer {
  const { timeMember, operators, maxPage, defaultPage } = collections[name];
  const query = url.searchParams;
  const size = Number(query.get('page[size]') ?? defaultPage);
  if (!Number.isInteger(size) || size < 1 || size > maxPage)
    return refusal(`page[size] must be 1 to ${String(maxPage)}`);
  if ((query.get('sort') ?? timeMember) !== timeMember) return refusal('this fixture sorts by time alone');
  const bounds = readFilter(query.get('filter') ?? '', timeMember, operators);
  if (bounds === undefined) return refusal('a filter has an unknown field or operator');
  const entries = name === 'profiles' ? profileEntries(state, query) : eventEntries(state);
  const within = entries.filter(({ atMs }) => bounds.every((bound) => bound(atMs)));
  const { shown, links } = pageOf(within, size, url, distortion);
  const last = shown.at(-1);
  const listed = distortion.isDuplicate && last !== undefined ? [...shown, last] : shown;
  return {
    status: 200,
    body: {
      data: listed.map(({ resource }) => resource),
      links,
      ...(name === 'events' && query.has('include') && { included: includedOf(state, shown) }),
    },
  };
}

function pageOf(
  all: readonly Entry[],
  size: number,
  url: URL,
  { isLoop, isEndless, count }: KlaviyoDistortion,
) {
  const after = url.searchParams.get('page[cursor]');
  const entries = all
    .filter((entry) => !isEndless && (after === null || keyOf(entry) > decode(after)))
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const shown = entries.slice(0, size);
  const last = shown.at(-1);
  const cursor = isEndless ? encode(`0-${String(count)}`) : last && encode(keyOf(last));
  const next = new URL(url);
  if (!isLoop && cursor !== undefined) next.searchParams.set('page[cursor]', cursor);
  const hasNext = isLoop || isEndless || entries.length > shown.length;
  return { shown, links: { self: url.href, ...(hasNext && { next: next.href }) } };
}

function profileEntries(state: KlaviyoState, query: URLSearchParams): Entry[] {
  const isSubscribed = (query.get('additional-fields[profile]') ?? '').split(',').includes('subscriptions');
  return [...state.profiles.values()].map(({ id, email, firstName, createdMs, updatedMs, consent }) => ({
    id,
    atMs: updatedMs,
    resource: {
      type: 'profile',
      id,
      attributes: {
        email,
        phone_number: null,
        external_id: null,
        first_name: firstName,
        last_name: 'Example',
        created: iso(createdMs),
        updated: iso(updatedMs),
        last_event_date: null,
        location: { city: 'Paris', country: 'France' },
        properties: { favourite_genre: 'jazz' },
        ...(isSubscribed && { subscriptions: { email: { marketing: { consent } } } }),
      },
      links: { self: `https://a.klaviyo.com/api/profiles/${id}/` },
    },
  }));
}

function eventEntries(state: KlaviyoState): Entry[] {
  return state.events.map(({ id, atMs, metricId, profileId, properties }) => ({
    id,
    atMs,
    resource: {
      type: 'event',
      id,
      attributes: {
        timestamp: Math.floor(atMs / 1_000),
        event_properties: properties,
        datetime: iso(atMs),
        uuid: `${id}-uuid`,
      },
      relationships: {
        profile: { data: { type: 'profile', id: profileId } },
        metric: { data: { type: 'metric', id: metricId } },
      },
      links: { self: `https://a.klaviyo.com/api/events/${id}/` },
    },
  }));
}

function includedOf(state: KlaviyoState, shown: readonly Entry[]): object[] {
  const ids = new Set(shown.map(({ id }) => id));
  const events = state.events.filter(({ id }) => ids.has(id));
  const metrics = [...new Set(events.map(({ metricId }) => metricId))];
  const profiles = [...new Set(events.map(({ profileId }) => profileId))];
  return [
    ...metrics.map((id) => ({ type: 'metric', id, attributes: { name: klaviyoMetrics[id] } })),
    ...profiles.map((id) => ({
      type: 'profile',
      id,
      attributes: { email: state.profiles.get(id)?.email ?? null },
    })),
  ];
}

function readFilter(text: string, timeMember: string, operators: readonly string[]) {
  const terms = [...text.matchAll(/([\w-]+)\((\w+),([^)]+)\)/g)];
  const bounds: ((atMs: number) => boolean)[] = [];
  for (const [, operator = '', field, value = ''] of terms) {
    const bound = Date.parse(value);
    if (field !== timeMember || !operators.includes(operator) || Number.isNaN(bound)) return undefined;
    bounds.push((atMs) => {
      if (operator === 'greater-than') return atMs > bound;
      if (operator === 'greater-or-equal') return atMs >= bound;
      return operator === 'less-than' ? atMs < bound : atMs <= bound;
    });
  }
  return bounds;
}

function keyOf({ atMs, id }: Entry): string {
  return `${String(atMs)}-${id}`;
}

function encode(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function decode(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString();
}

function refusal(detail: string): KlaviyoAnswer {
  return { status: 400, body: { errors: [{ status: 400, code: 'invalid', detail }] } };
}

/** As Klaviyo writes instants: whole seconds, offset in full. */
function iso(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19)}+00:00`;
}
