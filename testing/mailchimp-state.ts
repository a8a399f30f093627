import { createHash } from 'node:crypto';
import { seededRandom } from './seeded-random.js';

/** A member of the fixture audience. */
export interface MailchimpFixtureMember {
  readonly contactId: string;
  readonly email: string;
  readonly firstName: string;
  readonly status: 'subscribed' | 'unsubscribed' | 'cleaned' | 'archived';
  readonly changedMs: number;
}

/** A campaign of the fixture account. */
export interface MailchimpFixtureCampaign {
  readonly id: string;
  readonly createdMs: number;
  readonly status: 'save' | 'sent';
  readonly sentMs: number | undefined;
  readonly subject: string;
}

/** What happened to one message. */
export interface MailchimpFixtureActivity {
  readonly campaignId: string;
  readonly email: string;
  readonly action: 'open' | 'click' | 'bounce';
  readonly atMs: number;
  readonly url?: string;
  readonly bounceType?: 'hard' | 'soft';
}

/** How a fixture account lives. */
export interface MailchimpScript {
  readonly seed: number;
  /** Members at the start. */
  readonly members: number;
  /** Members of one import at each step, all changed in the very same second. */
  readonly imported: number;
  readonly steps: number;
  readonly stepMs: number;
  /** Account time of the first step, ISO 8601. */
  readonly startAt: string;
}

/** The id that Mailchimp gives an address: a hash of it in lower case. */
export function subscriberHash(email: string): string {
  return createHash('md5').update(email.toLowerCase()).digest('hex');
}

const dayMs = 86_400_000;

/** An account whose members change, and whose messages are opened, step by step, the same way for the same seed. */
export function createMailchimpState(script: MailchimpScript) {
  const random = seededRandom(script.seed);
  const startMs = Date.parse(script.startAt);
  const members = new Map<string, MailchimpFixtureMember>();
  const campaigns: MailchimpFixtureCampaign[] = [];
  const activities: MailchimpFixtureActivity[] = [];
  let nowMs = startMs;
  let made = 0;
  let step = 0;

  const addMember = (changedMs: number): void => {
    made += 1;
    const contactId = createHash('md5')
      .update(`${String(script.seed)}/${String(made)}`)
      .digest('hex');
    members.set(contactId, {
      contactId,
      email: `Reader${String(made)}@example.com`,
      firstName: random.pick(['Ada', 'Björn', '道子', "D'Arcy"]),
      status: 'subscribed',
      changedMs,
    });
  };
  const addCampaign = (createdMs: number, status: 'save' | 'sent'): void => {
    const number = campaigns.length + 1;
    campaigns.push({
      id: createHash('md5')
        .update(`campaign ${String(number)}`)
        .digest('hex')
        .slice(0, 10),
      createdMs,
      status,
      sentMs: status === 'sent' ? createdMs + 1_000 : undefined,
      subject: `News of the week ${String(number)}`,
    });
  };
  const addActivity = (atMs: number): void => {
    const { email } = random.pick([...members.values()]);
    const campaign = random.pick(campaigns.filter(({ status }) => status === 'sent'));
    const action = random.pick(['open', 'open', 'click', 'bounce'] as const);
    activities.push({
      campaignId: campaign.id,
      email,
      action,
      atMs,
      ...(action === 'click' && { url: 'https://shop.example.com/records' }),
      ...(action === 'bounce' && { bounceType: random.pick(['hard', 'soft'] as const) }),
    });
  };
  const change = (contactId: string, changed: Partial<MailchimpFixtureMember>): void => {
    const member = members.get(contactId);
    if (member === undefined) throw new Error('there is no such member');
    members.set(contactId, { ...member, ...changed, changedMs: nowMs });
  };

  for (let count = 0; count < script.members; count += 1)
    addMember(startMs - random.integer(1, 86_400) * 1_000);
  for (let count = 6; count > 0; count -= 1) addCampaign(startMs - count * 10 * dayMs, 'sent');
  addCampaign(startMs - dayMs, 'save');
  for (let count = 0; count < script.members * 2; count += 1)
    addActivity(startMs - random.integer(1, 86_400) * 1_000);
  // A twin: nothing tells it from the first.
  activities.push(...activities.slice(0, 1));

  return {
    members,
    campaigns: campaigns as readonly MailchimpFixtureCampaign[],
    activities: activities as readonly MailchimpFixtureActivity[],
    isDone: () => step >= script.steps,
    /** One member changes now. */
    touch(contactId: string): void {
      nowMs += 1_000;
      change(contactId, { firstName: 'Changed' });
    },
    /** One member is deleted for good. */
    forget: (contactId: string) => void members.delete(contactId),
    advance(): void {
      if (step >= script.steps) return;
      step += 1;
      nowMs = startMs + step * script.stepMs;
      for (let count = script.imported; count > 0; count -= 1) addMember(nowMs);
      for (let count = random.integer(1, 4); count > 0; count -= 1)
        change(random.pick([...members.keys()]), {
          status: random.pick(['subscribed', 'unsubscribed', 'cleaned', 'archived']),
        });
      addCampaign(nowMs - 2_000, 'sent');
      // Some are told late.
      for (let count = random.integer(4, 9); count > 0; count -= 1)
        addActivity(nowMs - (random.chance(0.25) ? random.integer(1, 90) * 1_000 : 0));
    },
  };
}
