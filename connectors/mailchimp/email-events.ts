import { parseInstant } from '../../core/interval.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import { memberAt, type PageRecord } from '../json-page.js';
import { sliceAt, sliceElements, sliceMembers, toLine } from '../json-slices.js';
import { emailEvent, meaningOf, unknownEmailEvent, type EmailMeaning } from '../webhook/email-event.js';
import { derivedId } from '../webhook/provider-event.js';

/** Source: https://mailchimp.com/developer/marketing/api/email-activity-reports/list-email-activity/ (`action`). */
const meanings: Readonly<Record<string, EmailMeaning>> = {
  open: { type: 'opened' },
  click: { type: 'clicked' },
  bounce: { type: 'bounced' },
};

/** Rows of `email-event.v2`, and what happened that has no such row. */
export interface EmailRows {
  readonly lines: readonly Uint8Array[];
  readonly rejects: readonly Omit<QuarantineRow, 'position'>[];
  /** Time of each line, ISO 8601 UTC. */
  readonly times: readonly string[];
}

/**
 * What happened to one recipient's message, one JSON object each: the recipient as sent, the subject of the campaign, and in
 * `activity` the happening itself. Those that nothing tells apart are numbered.
 */
export function activitiesOf(record: PageRecord, subject: Uint8Array | undefined): Uint8Array[] {
  const head = [...sliceMembers(record.bytes)].filter(([name]) => !['activity', '_links'].includes(name));
  if (subject !== undefined) head.push(['subject_line', subject]);
  const counts = new Map<string, number>();
  return sliceElements(sliceAt(record.bytes, ['activity']) ?? Buffer.from('[]')).map((activity) => {
    const text = Buffer.from(activity).toString('utf8');
    const twin = counts.get(text) ?? 0;
    counts.set(text, twin + 1);
    const members = [
      ...head,
      ...(twin === 0 ? [] : [['twin', Buffer.from(String(twin))] as const]),
      ['activity', activity] as const,
    ];
    const parts = members.flatMap(([name, value], index) => [
      Buffer.from(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:`),
      value,
    ]);
    return Buffer.concat([...parts, Buffer.from('}')]);
  });
}

/** The rows of such objects, among those that `isWanted` takes by their time; one without a time is set aside. */
export function emailRows(
  activities: readonly Uint8Array[],
  isWanted: (at: string) => boolean = () => true,
): EmailRows {
  const rows = {
    lines: [] as Uint8Array[],
    rejects: [] as EmailRows['rejects'][number][],
    times: [] as string[],
  };
  for (const bytes of activities) {
    const raw = Buffer.from(bytes).toString('utf8');
    const row: unknown = JSON.parse(raw);
    const text = (...path: string[]) => textOf(memberAt(row, path));
    const action = text('activity', 'action');
    const meaning = meaningOf(meanings, action);
    const at = text('activity', 'timestamp');
    const occurredAt = at === undefined ? undefined : parseInstant(at);
    if (occurredAt !== undefined && !isWanted(occurredAt)) continue;
    const campaignId = text('campaign_id');
    const mapping =
      meaning === undefined
        ? unknownEmailEvent(action, '/activity/action')[0]
        : emailEvent(
            {
              ...meaning,
              ...(meaning.type === 'bounced' && { bounceClass: bounceClass(text('activity', 'type')) }),
              occurredAt,
              recipient: text('email_address'),
              url: text('activity', 'url'),
              ip: text('activity', 'ip'),
              subject: text('subject_line'),
              campaignId,
            },
            derivedId(
              campaignId,
              text('email_id'),
              action,
              text('activity', 'type'),
              occurredAt,
              text('activity', 'url'),
              text('activity', 'ip'),
              String(memberAt(row, ['twin']) ?? 0),
            ),
          );
    if (mapping === undefined) continue;
    if ('problem' in mapping) {
      rows.rejects.push({ ...mapping.problem, raw });
      continue;
    }
    const { id, ...event } = mapping.event;
    // The time at which it was received is its own: a read that finds it again must give the same row.
    const head = JSON.stringify({
      eventId: id,
      provider: 'mailchimp',
      ...event,
      receivedAt: event.occurredAt,
    });
    rows.lines.push(
      toLine(Buffer.concat([Buffer.from(`${head.slice(0, -1)},"raw":`), bytes, Buffer.from('}')])),
    );
    rows.times.push(event.occurredAt);
  }
  return rows;
}

function bounceClass(text: string | undefined): 'hard' | 'soft' | 'undetermined' {
  return text === 'hard' || text === 'soft' ? text : 'undetermined';
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
