import { parseInstant } from '../../core/interval.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import { memberAt } from '../json-page.js';
import { toLine } from '../json-slices.js';
import { emailEvent, meaningOf, type BounceClass, type EmailMeaning } from '../webhook/email-event.js';

/**
 * Metrics of e-mail by their names. Sources: https://help.klaviyo.com/hc/en-us/articles/360036974872 (the names, `Unsubscribed`
 * among them); the metric of a withdrawn consent has the name of the topic `unsubscribed_from_email_marketing` of Klaviyo's
 * webhooks.
 */
const meanings: Readonly<Record<string, EmailMeaning>> = {
  'Received Email': { type: 'delivered' },
  'Opened Email': { type: 'opened' },
  'Clicked Email': { type: 'clicked' },
  'Bounced Email': { type: 'bounced' },
  'Dropped Email': { type: 'dropped' },
  'Marked Email as Spam': { type: 'complained' },
  Unsubscribed: { type: 'unsubscribed' },
  'Unsubscribed from Email Marketing': { type: 'unsubscribed' },
};

/**
 * Properties of an open that need not be a person's. Source of the second:
 * https://help.klaviyo.com/hc/en-us/articles/4416791883163.
 */
const prefetchNames = ['machine_open', 'Apple Privacy Open'] as const;

/** Rows of `email-event.v2`, and the events of e-mail that have no such row. */
export interface EmailRows {
  readonly lines: readonly Uint8Array[];
  readonly rejects: readonly Omit<QuarantineRow, 'position'>[];
}

/**
 * The e-mail events among rows of events; others are left out. The time at which an event was received is its own: a
 * read that finds it again must give the same row.
 */
export function emailRows(rows: readonly Uint8Array[]): EmailRows {
  const lines: Uint8Array[] = [];
  const rejects: Omit<QuarantineRow, 'position'>[] = [];
  for (const bytes of rows) {
    const raw = Buffer.from(bytes).toString('utf8');
    const row = JSON.parse(raw) as Readonly<Record<string, unknown>>;
    const meaning = meaningOf(meanings, textOf(row['metric_name']));
    if (meaning === undefined) continue;
    const property = (name: string) => textOf(memberAt(row['event_properties'], [name]));
    const at = textOf(row['datetime']);
    const occurredAt = at === undefined ? undefined : parseInstant(at);
    const mapping = emailEvent(
      {
        ...meaning,
        ...(meaning.type === 'bounced' && { bounceClass: bounceClass(property('Bounce Type')) }),
        occurredAt,
        recipient: textOf(row['profile_email']) ?? property('Recipient Email Address'),
        url: property('URL'),
        subject: property('Subject'),
        campaignId: property('$message'),
        tags: [property('Campaign Name')].filter((tag) => tag !== undefined),
        isPrefetch: prefetchNames.some((name) => memberAt(row['event_properties'], [name]) === true),
      },
      textOf(row['id']),
    );
    if ('problem' in mapping) rejects.push({ ...mapping.problem, raw });
    else {
      const { id, ...event } = mapping.event;
      const head = JSON.stringify({
        eventId: id,
        provider: 'klaviyo',
        ...event,
        receivedAt: event.occurredAt,
      });
      lines.push(
        toLine(Buffer.concat([Buffer.from(`${head.slice(0, -1)},"raw":`), bytes, Buffer.from('}')])),
      );
    }
  }
  return { lines, rejects };
}

function bounceClass(text: string | undefined): BounceClass {
  const known = text?.toLowerCase();
  return known === 'hard' || known === 'soft' ? known : 'undetermined';
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
