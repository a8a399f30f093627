import { seededRandom, type SeededRandom } from './seeded-random.js';

/** Objects of the fixture account. */
export type HubspotFixtureObject = 'contacts' | 'companies' | 'deals' | 'tickets';

/** One object of the CRM as the fixture account holds it. */
export interface HubspotFixtureRecord {
  readonly id: string;
  readonly properties: Readonly<Record<string, string | null>>;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly archivedAtMs?: number;
  /** The search index shows the change from this step on. */
  readonly searchableAtStep: number;
  /** Ids of associated objects. */
  readonly associations: Readonly<Partial<Record<HubspotFixtureObject, readonly string[]>>>;
}

/** How a fixture account lives. */
export interface HubspotScript {
  readonly seed: number;
  /** Contacts at the start; companies are a tenth of that, deals and tickets a fifth. */
  readonly contacts: number;
  /** Contacts of one import at each step, all changed in the very same millisecond. */
  readonly imported: number;
  readonly steps: number;
  readonly stepMs: number;
  /** Account time of the first step, ISO 8601. */
  readonly startAt: string;
}

/** An account whose objects change step by step, the same way for the same seed. */
export interface HubspotState {
  records(object: HubspotFixtureObject): readonly HubspotFixtureRecord[];
  readonly step: number;
  advance(): void;
  isDone(): boolean;
}

const firstIds = { contacts: 301, companies: 9_000_000_001, deals: 501, tickets: 701 } as const;
const firstNames = ['Ada', 'Björn', 'Chidi', '道子', "D'Arcy", 'Émile'] as const;

/** Every step adds, changes, imports and archives; a quarter of the changes show in searches one step late. */
export function createHubspotState(script: HubspotScript): HubspotState {
  const random = seededRandom(script.seed);
  const startMs = Date.parse(script.startAt);
  const objects: Record<HubspotFixtureObject, Map<string, HubspotFixtureRecord>> = {
    contacts: new Map(),
    companies: new Map(),
    deals: new Map(),
    tickets: new Map(),
  };
  let step = 0;

  const add = (object: HubspotFixtureObject, atMs: number): void => {
    const number = objects[object].size;
    const id = String(firstIds[object] + number);
    objects[object].set(id, {
      id,
      properties: propertiesOf(random, object, number),
      createdAtMs: atMs,
      updatedAtMs: atMs,
      searchableAtStep: step,
      associations: object === 'contacts' ? { companies: someOf(random, objects.companies) } : {},
    });
  };
  const change = (object: HubspotFixtureObject, atMs: number, isLate: boolean): void => {
    const live = [...objects[object].values()].filter(({ archivedAtMs }) => archivedAtMs === undefined);
    const record = random.pick(live);
    const properties = { ...record.properties, city: random.pick(['Paris', 'Łódź', 'São Paulo', null]) };
    const searchableAtStep = isLate ? step + 1 : step;
    objects[object].set(record.id, { ...record, properties, updatedAtMs: atMs, searchableAtStep });
  };
  const archive = (object: HubspotFixtureObject, atMs: number): void => {
    const live = [...objects[object].values()].filter(({ archivedAtMs }) => archivedAtMs === undefined);
    const record = random.pick(live);
    objects[object].set(record.id, { ...record, archivedAtMs: atMs });
  };

  const early = (): number => startMs - random.integer(1, 86_400_000);
  for (let count = 0; count < Math.ceil(script.contacts / 10); count += 1) add('companies', early());
  for (let count = 0; count < script.contacts; count += 1) add('contacts', early());
  for (const object of ['deals', 'tickets'] as const)
    for (let count = 0; count < Math.ceil(script.contacts / 5); count += 1) add(object, early());

  return {
    get step() {
      return step;
    },
    records: (object) => [...objects[object].values()],
    isDone: () => step >= script.steps,
    advance() {
      if (step >= script.steps) return;
      step += 1;
      const nowMs = startMs + step * script.stepMs;
      for (let count = 0; count < script.imported; count += 1) add('contacts', nowMs);
      for (const object of Object.keys(objects) as HubspotFixtureObject[]) {
        add(object, nowMs + random.integer(1, 999));
        for (let count = random.integer(1, 4); count > 0; count -= 1)
          change(object, nowMs + random.integer(1, 999), random.chance(0.25) && step < script.steps);
        archive(object, nowMs + 1_000);
      }
    },
  };
}

function propertiesOf(
  random: SeededRandom,
  object: HubspotFixtureObject,
  number: number,
): Record<string, string | null> {
  if (object === 'companies')
    return { name: `Company ${String(number)}`, domain: `c${String(number)}.example.com`, city: null };
  if (object === 'deals')
    return {
      dealname: `Deal ${String(number)}`,
      amount: `${String(random.integer(1, 9_999))}.50`,
      city: null,
    };
  if (object === 'tickets')
    return { subject: `Ticket ${String(number)}`, hs_pipeline_stage: '1', city: null };
  return {
    email: random.chance(0.95) ? `contact${String(number)}@example.com` : null,
    firstname: random.pick(firstNames),
    lastname: random.chance(0.8) ? 'Example' : '',
    phone: null,
    city: 'Paris',
    lifecyclestage: random.pick(['lead', 'customer', 'subscriber']),
  };
}

function someOf(random: SeededRandom, from: ReadonlyMap<string, unknown>): string[] {
  const ids = [...from.keys()];
  return random.shuffle(ids).slice(0, Math.min(ids.length, random.integer(0, 3)));
}
