import { subscriberHash, type createMailchimpState, type MailchimpFixtureMember } from './mailchimp-state.js';

type MailchimpState = ReturnType<typeof createMailchimpState>;

/** An answer of the fixture account. */
export interface MailchimpAnswer {
  readonly status: number;
  readonly body: object;
}

/** What the account does where the documentation leaves it open, and how pages are distorted by a fault. */
export interface MailchimpManner {
  /** The very second of a lower bound is part of the answer. */
  readonly isInclusive: boolean;
  readonly isLoop: boolean;
  readonly isEndless: boolean;
}

/** One record with the time that it is sorted and bounded by. */
interface Entry {
  readonly atMs: number;
  readonly resource: object;
}

/** Id of the fixture account's only audience. */
export const mailchimpListId = 'a1b2c3d4e5';

/** What a path of the API answers: members, campaigns, activity of a campaign, the account; 404 for others. */
export function mailchimpAnswer(
  state: MailchimpState,
  path: string,
  query: URLSearchParams,
  manner: MailchimpManner,
): MailchimpAnswer {
  if (path === '') return { status: 200, body: { account_id: '8d3a3db4d97663a9074efcc16', _links: [] } };
  if (path === `lists/${mailchimpListId}/members`)
    return collection('members', memberEntries(state), query, manner, {
      times: ['last_changed', 'timestamp_opt', 'timestamp_signup'],
      since: 'since_last_changed',
      before: 'before_last_changed',
      more: { list_id: mailchimpListId },
    });
  if (path === 'campaigns')
    return collection('campaigns', campaignEntries(state), query, manner, {
      times: ['create_time', 'send_time'],
      since: 'since_create_time',
      before: 'before_create_time',
      more: {},
    });
  const id = /^reports\/(\w+)\/email-activity$/.exec(path)?.[1];
  const campaign = state.campaigns.find((known) => known.id === id && known.status === 'sent');
  if (campaign === undefined) return mailchimpProblem(404, 'Resource Not Found');
  return activityPage(state, campaign.id, query, manner);
}

/** A problem document (RFC 7807). */
export function mailchimpProblem(status: number, title: string): MailchimpAnswer {
  return {
    status,
    body: {
      type: 'https://mailchimp.com/developer/marketing/docs/errors/',
      title,
      status,
      detail: 'made up for tests',
      instance: '995c5cb0-3280-4a6e-808b-3b096d0bb219',
    },
  };
}

function collection(
  list: string,
  all: readonly Entry[],
  query: URLSearchParams,
  manner: MailchimpManner,
  names: {
    readonly times: readonly string[];
    readonly since: string;
    readonly before: string;
    readonly more: object;
  },
): MailchimpAnswer {
  const sortField = query.get('sort_field') ?? names.times[0] ?? '';
  if (!names.times.includes(sortField)) return mailchimpProblem(400, 'Invalid Resource');
  if (sortField !== names.times[0]) throw new Error('this fixture sorts by one time alone');
  const [since, before] = [bound(query, names.since), bound(query, names.before)];
  if (Number.isNaN(since) || Number.isNaN(before)) return mailchimpProblem(400, 'Invalid Resource');
  const within = all.filter(
    ({ atMs }) =>
      manner.isLoop ||
      ((since === undefined || (manner.isInclusive ? atMs >= since : atMs > since)) &&
        (before === undefined || (manner.isInclusive ? atMs <= before : atMs < before))),
  );
  const sign = query.get('sort_dir') === 'ASC' ? 1 : -1;
  const sorted = [...within].sort((a, b) => sign * (a.atMs - b.atMs));
  return page(list, sorted, query, manner, names.more);
}

function page(
  list: string,
  entries: readonly Entry[],
  query: URLSearchParams,
  { isEndless }: MailchimpManner,
  more: object,
): MailchimpAnswer {
  const [count, offset] = [Number(query.get('count') ?? 10), Number(query.get('offset') ?? 0)];
  const isRight = Number.isInteger(count) && count >= 1 && count <= 1_000 && Number.isInteger(offset);
  if (!isRight) return mailchimpProblem(400, 'Invalid Resource');
  const shown = isEndless ? [] : entries.slice(offset, offset + count);
  return {
    status: 200,
    body: {
      [list]: shown.map(({ resource }) => resource),
      ...more,
      total_items: isEndless ? 1_000_000 : entries.length,
    },
  };
}

function activityPage(
  state: MailchimpState,
  campaignId: string,
  query: URLSearchParams,
  manner: MailchimpManner,
): MailchimpAnswer {
  const since = bound(query, 'since');
  if (Number.isNaN(since)) return mailchimpProblem(400, 'Invalid Resource');
  const byEmail = new Map<string, object[]>();
  for (const { campaignId: of, email, action, atMs, url, bounceType } of state.activities) {
    if (of !== campaignId || (since !== undefined && atMs <= since)) continue;
    const activity = {
      action,
      ...(bounceType !== undefined && { type: bounceType }),
      timestamp: iso(atMs),
      ...(url !== undefined && { url }),
      ...(action !== 'bounce' && { ip: '192.0.2.7' }),
    };
    byEmail.set(email, [...(byEmail.get(email) ?? []), activity]);
  }
  const entries = [...byEmail].map(([email, activity]) => ({
    atMs: 0,
    resource: {
      campaign_id: campaignId,
      list_id: mailchimpListId,
      list_is_active: true,
      email_id: subscriberHash(email),
      email_address: email,
      activity,
    },
  }));
  return page('emails', entries, query, manner, { campaign_id: campaignId });
}

function memberEntries(state: MailchimpState): Entry[] {
  return [...state.members.values()].map((member: MailchimpFixtureMember) => ({
    atMs: member.changedMs,
    resource: {
      id: subscriberHash(member.email),
      email_address: member.email,
      unique_email_id: member.contactId.slice(0, 10),
      contact_id: member.contactId,
      full_name: `${member.firstName} Example`,
      web_id: Number.parseInt(member.contactId.slice(0, 7), 16),
      email_type: 'html',
      status: member.status,
      consents_to_one_to_one_messaging: true,
      merge_fields: { FNAME: member.firstName, LNAME: 'Example', PHONE: '' },
      stats: { avg_open_rate: 0.5, avg_click_rate: 0 },
      ip_signup: '',
      timestamp_signup: '',
      ip_opt: '192.0.2.7',
      timestamp_opt: '2025-12-01T10:00:00+00:00',
      member_rating: 2,
      last_changed: iso(member.changedMs),
      language: 'fr',
      vip: false,
      email_client: '',
      source: 'API - Generic',
      tags_count: 0,
      tags: [],
      list_id: mailchimpListId,
    },
  }));
}

function campaignEntries(state: MailchimpState): Entry[] {
  return state.campaigns.map(({ id, createdMs, status, sentMs, subject }) => ({
    atMs: createdMs,
    resource: {
      id,
      web_id: Number.parseInt(id.slice(0, 6), 16),
      type: 'regular',
      create_time: iso(createdMs),
      archive_url: `https://mailchi.mp/example/${id}`,
      status,
      emails_sent: status === 'sent' ? 40 : 0,
      send_time: sentMs === undefined ? '' : iso(sentMs),
      content_type: 'template',
      recipients: { list_id: mailchimpListId, list_is_active: true, recipient_count: 40 },
      settings: { subject_line: subject, title: subject, from_name: 'Records', reply_to: 'shop@example.com' },
      tracking: { opens: true, html_clicks: true },
    },
  }));
}

function bound(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  return text === null ? undefined : Date.parse(text);
}

/** As Mailchimp writes instants: whole seconds, offset in full. */
function iso(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19)}+00:00`;
}
