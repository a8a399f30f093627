import { seededRandom } from './seeded-random.js';

/** A profile as the fixture account holds it. */
export interface KlaviyoFixtureProfile {
  readonly id: string;
  readonly email: string | null;
  readonly firstName: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly consent: 'SUBSCRIBED' | 'UNSUBSCRIBED' | 'NEVER_SUBSCRIBED';
}

/** An event as the fixture account holds it. */
export interface KlaviyoFixtureEvent {
  readonly id: string;
  readonly atMs: number;
  readonly metricId: string;
  readonly profileId: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Names of the account's metrics by their ids. */
export const klaviyoMetrics: Readonly<Record<string, string>> = {
  M00001: 'Received Email',
  M00002: 'Opened Email',
  M00003: 'Clicked Email',
  M00004: 'Bounced Email',
  M00005: 'Placed Order',
  M00006: 'Unsubscribed from Email Marketing',
};

/** What a profile without an address can do. */
const orderMetricId = 'M00005';

/** How a fixture account lives. */
export interface KlaviyoScript {
  readonly seed: number;
  /** Profiles at the start; there are three events for each. */
  readonly profiles: number;
  readonly steps: number;
  readonly stepMs: number;
  /** Account time of the first step, ISO 8601. */
  readonly startAt: string;
}

/** An account whose profiles change, and whose events come, step by step, the same way for the same seed. */
export function createKlaviyoState(script: KlaviyoScript) {
  const random = seededRandom(script.seed);
  const startMs = Date.parse(script.startAt);
  const profiles = new Map<string, KlaviyoFixtureProfile>();
  const events: KlaviyoFixtureEvent[] = [];
  let step = 0;

  const addProfile = (atMs: number): void => {
    const number = String(profiles.size + 1).padStart(6, '0');
    const id = `01KFIXTURE${number}`;
    profiles.set(id, {
      id,
      email: random.chance(0.95) ? `reader${number}@example.com` : null,
      firstName: random.pick(['Ada', 'Björn', '道子', "D'Arcy"]),
      createdMs: atMs,
      updatedMs: atMs,
      consent: 'SUBSCRIBED',
    });
  };
  const addEvent = (atMs: number): void => {
    const { id: profileId, email } = random.pick([...profiles.values()]);
    const picked = random.pick(Object.keys(klaviyoMetrics));
    const metricId = email === null ? orderMetricId : picked;
    const properties = {
      $event_id: `${String(atMs)}:${String(events.length)}`,
      $message: '01KCAMPAIGN',
      Subject: 'News of the week',
      'Recipient Email Address': email,
      ...(metricId === 'M00002' && { machine_open: random.chance(0.3) }),
      ...(metricId === 'M00003' && { URL: 'https://shop.example.com/records' }),
      ...(metricId === 'M00004' && { 'Bounce Type': random.pick(['Hard', 'Soft']) }),
    };
    const id = `6Xy${String(events.length + 1).padStart(8, '0')}`;
    events.push({ id, atMs, metricId, profileId, properties });
  };

  for (let count = 0; count < script.profiles; count += 1)
    addProfile(startMs - random.integer(1, 86_400) * 1_000);
  for (let count = 0; count < script.profiles * 3; count += 1)
    addEvent(startMs - random.integer(1, 86_400) * 1_000);

  return {
    profiles,
    events: events as readonly KlaviyoFixtureEvent[],
    isDone: () => step >= script.steps,
    advance(): void {
      if (step >= script.steps) return;
      step += 1;
      const nowMs = startMs + step * script.stepMs;
      for (let count = random.integer(1, 3); count > 0; count -= 1) addProfile(nowMs);
      for (let count = random.integer(1, 4); count > 0; count -= 1) {
        const changed = random.pick([...profiles.values()]);
        const consent = random.pick(['SUBSCRIBED', 'UNSUBSCRIBED'] as const);
        profiles.set(changed.id, { ...changed, consent, updatedMs: nowMs });
      }
      // Some are told late.
      for (let count = random.integer(2, 6); count > 0; count -= 1)
        addEvent(nowMs - (random.chance(0.25) ? random.integer(1, 90) * 1_000 : 0));
    },
  };
}
