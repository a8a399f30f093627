import { seededRandom } from './seeded-random.js';

/** An event of the fixture property, as a row of the export. */
export interface Ga4FixtureEvent {
  readonly event_date: string;
  readonly event_timestamp: number;
  readonly event_name: string;
  readonly [column: string]: unknown;
}

/** A table of the export. */
export interface Ga4FixtureTable {
  readonly name: string;
  readonly createdMs: number;
  readonly modifiedMs: number;
  readonly events: readonly Ga4FixtureEvent[];
}

/** How a fixture property lives. */
export interface Ga4Script {
  readonly seed: number;
  /** Events of a day. */
  readonly events: number;
  /** Days that were exported before the script begins. */
  readonly days: number;
  /** Half days: in one a day streams in, in the next its daily table takes the place of that, and late events come. */
  readonly steps: number;
  /** What streamed in stays beside the daily table, as it does for a while. */
  readonly keepsStreamed: boolean;
  /** First day after those, `YYYY-MM-DD`. */
  readonly startDay: string;
}

const dayMs = 86_400_000;
const halfDayMs = dayMs / 2;

/** A property whose tables come, are replaced and change, the same way for the same seed. */
export function createGa4State(script: Ga4Script) {
  const random = seededRandom(script.seed);
  const startMs = Date.parse(`${script.startDay}T00:00:00Z`);
  const tables = new Map<string, Ga4FixtureTable>();
  let step = 0;
  let made = 0;

  const event = (dayStartMs: number): Ga4FixtureEvent => {
    made += 1;
    const name = random.pick(['page_view', 'view_item', 'purchase']);
    const isAgreed = random.chance(0.8);
    return {
      event_date: dayOf(dayStartMs),
      // To the microsecond.
      event_timestamp: (dayStartMs + random.integer(0, dayMs - 1)) * 1_000 + random.integer(0, 999),
      event_name: name,
      event_params: [
        { key: 'ga_session_id', value: { string_value: null, int_value: 1_767_600_000 + made } },
        { key: 'page_title', value: { string_value: random.pick(['Jazz', 'Chanson', '演歌']) } },
        // BigQuery puts a whole number that a double cannot hold in quotes.
        { key: 'fbc', value: { string_value: null, int_value: '9007199254740993' } },
        ...(name === 'purchase' ? [{ key: 'value', value: { double_value: 42.5 } }] : []),
      ],
      event_bundle_sequence_id: made,
      event_server_timestamp_offset: -123_456,
      user_id: random.chance(0.5) ? `u-${String(random.integer(1, 50))}` : null,
      user_pseudo_id: isAgreed ? `${String(random.integer(1_000, 9_999))}.1767600000` : null,
      privacy_info: {
        analytics_storage: isAgreed ? 'Yes' : 'No',
        ads_storage: 'Unset',
        uses_transient_token: 'No',
      },
      user_properties: [{ key: 'plan', value: { string_value: 'gold', set_timestamp_micros: 1 } }],
      device: { category: 'mobile', language: 'fr-fr' },
      geo: { country: 'France', city: 'Paris' },
      stream_id: '5551',
      platform: 'WEB',
      items: [],
      batch_page_id: null,
      batch_ordering_id: null,
      batch_event_index: null,
    };
  };
  const put = (name: string, atMs: number, events: readonly Ga4FixtureEvent[]): void => {
    const createdMs = tables.get(name)?.createdMs ?? atMs;
    tables.set(name, { name, createdMs, modifiedMs: atMs, events });
  };
  const eventsOf = (dayStartMs: number): Ga4FixtureEvent[] => {
    const events = Array.from({ length: script.events }, () => event(dayStartMs));
    // A twin: nothing tells it from the first.
    return [...events, ...events.slice(0, 1)];
  };

  for (let back = script.days; back > 0; back -= 1) {
    const dayStartMs = startMs - back * dayMs;
    put(`events_${dayOf(dayStartMs)}`, dayStartMs + dayMs + halfDayMs, eventsOf(dayStartMs));
  }

  return {
    tables: tables as ReadonlyMap<string, Ga4FixtureTable>,
    isDone: () => step >= script.steps,
    advance(): void {
      if (step >= script.steps) return;
      const dayStartMs = startMs + Math.floor(step / 2) * dayMs;
      step += 1;
      const nowMs = startMs + step * halfDayMs;
      const [streamed, daily] = [`events_intraday_${dayOf(dayStartMs)}`, `events_${dayOf(dayStartMs)}`];
      if (step % 2 === 1) return put(streamed, nowMs, eventsOf(dayStartMs));
      put(daily, nowMs, [...(tables.get(streamed)?.events ?? []).slice(1), event(dayStartMs)]);
      if (!script.keepsStreamed) tables.delete(streamed);
      for (const back of [1, 2, 3]) {
        const late = tables.get(`events_${dayOf(dayStartMs - back * dayMs)}`);
        if (late === undefined || random.chance(0.4)) continue;
        put(late.name, nowMs, [...late.events, event(dayStartMs - back * dayMs)]);
      }
    },
  };
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '');
}
