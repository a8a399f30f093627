import type { QuarantineRow } from '../../core/quality/quarantine.js';
import { sliceMembers, toLine } from '../json-slices.js';
import type { EmailEvent } from '../webhook/email-event.js';
import type { StoredDelivery, WebhookProvider } from '../webhook/provider.js';
import { derivedId, type ProviderEvent } from '../webhook/provider-event.js';
import { loadWebhookProvider } from '../webhook/providers.js';

/** How the deliveries of a webhook stream are read: as kept, or one row an event in one of two record schemas. */
export const deliveryShapes = ['webhook-event', 'email-event'] as const;
export type DeliveryShape = (typeof deliveryShapes)[number];

/** Rows of deliveries, and the events that have no such row. */
export interface DeliveryRows {
  readonly bytes: Uint8Array;
  readonly rowCount: number;
  readonly rejects: readonly Omit<QuarantineRow, 'position'>[];
}

const lineFeed = 0x0a;

/**
 * Deliveries, one inbox line each, as rows of `webhook-event.v1` or `email-event.v2`. Lines in another form (rows that were
 * made before, on a replay) pass through.
 */
export async function deliveryRows(lines: Uint8Array, shape: DeliveryShape): Promise<DeliveryRows> {
  const rows: Uint8Array[] = [];
  const rejects: Omit<QuarantineRow, 'position'>[] = [];
  let start = 0;
  for (let feed = lines.indexOf(lineFeed); feed >= 0; feed = lines.indexOf(lineFeed, start)) {
    const line = lines.subarray(start, feed);
    start = feed + 1;
    const members = sliceMembers(line);
    if (!members.has('endpoint') || !members.has('body')) rows.push(toLine(line));
    else await addDelivery(members, shape, rows, rejects);
  }
  return { bytes: Buffer.concat(rows), rowCount: rows.length, rejects };
}

interface Row {
  readonly head: Readonly<Record<string, unknown>>;
  readonly rawName: string;
}

async function addDelivery(
  members: ReadonlyMap<string, Uint8Array>,
  shape: DeliveryShape,
  rows: Uint8Array[],
  rejects: Omit<QuarantineRow, 'position'>[],
): Promise<void> {
  const text = (name: string) => parse(members.get(name)) as string | undefined;
  const provider = text('provider') ?? 'standard-webhooks';
  const delivery: StoredDelivery = {
    id: text('eventId') ?? text('requestId') ?? '',
    source: text('source') ?? '',
    receivedAt: text('receivedAt') ?? '',
    kept: (parse(members.get('kept')) ?? {}) as Record<string, string>,
    body: members.get('body') ?? Buffer.from('null'),
  };
  const { receivedAt, source } = delivery;
  const common = { provider, source, receivedAt, requestId: text('requestId') };
  const known = await loadWebhookProvider(provider, source);
  const events = known.events(delivery);
  for (const event of events) {
    const result = shape === 'webhook-event' ? [webhookRow(event, provider)] : emailRows(known, event);
    for (const item of result) {
      if ('head' in item) rows.push(rowLine({ ...item.head, ...common }, item.rawName, event.bytes));
      else
        rejects.push({
          ...item,
          raw: replayable(members, events.length === 1 ? delivery.body : event.bytes),
        });
    }
  }
}

function webhookRow(event: ProviderEvent, provider: string): Row {
  const { id, type, objectType, objectId, version, occurredAt } = event;
  const isKnownChange = objectId !== undefined && version !== undefined;
  const changeId = isKnownChange
    ? derivedId(provider, objectType, objectId, type, version)
    : derivedId(provider, id);
  return {
    head: { eventId: id, changeId, type, objectType, objectId, version, occurredAt },
    rawName: 'body',
  };
}

function emailRows(
  provider: WebhookProvider,
  event: ProviderEvent,
): (Row | Omit<QuarantineRow, 'position' | 'raw'>)[] {
  if (provider.emailEvents === undefined)
    return [
      {
        code: 'EMAIL_EVENT_UNKNOWN',
        pointer: '',
        message: `${provider.title} sends no e-mail events that are known; read the stream as webhook events`,
      },
    ];
  return provider
    .emailEvents(event)
    .map((mapping) =>
      'problem' in mapping ? mapping.problem : { head: emailHead(mapping.event), rawName: 'raw' },
    );
}

function emailHead({ id, ...event }: EmailEvent): Readonly<Record<string, unknown>> {
  return { eventId: id, ...event };
}

/** A row whose last member is the event as it was sent. */
function rowLine(head: Readonly<Record<string, unknown>>, rawName: string, raw: Uint8Array): Uint8Array {
  const start = JSON.stringify(head).slice(0, -1);
  return toLine(Buffer.concat([Buffer.from(`${start},"${rawName}":`), raw, Buffer.from('}')]));
}

/** The delivery with this event only, in the form in which the inbox keeps it, so that a replay reads it again. */
function replayable(members: ReadonlyMap<string, Uint8Array>, body: Uint8Array): string {
  const parts = [...members].map(
    ([name, value]) =>
      `${JSON.stringify(name)}:${Buffer.from(name === 'body' ? body : value).toString('utf8')}`,
  );
  return `{${parts.join(',')}}`;
}

function parse(json: Uint8Array | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(Buffer.from(json).toString('utf8'));
}
