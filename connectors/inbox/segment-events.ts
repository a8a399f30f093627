import { createHash } from 'node:crypto';
import { sliceElements, sliceMembers } from '../json-slices.js';

const lineFeed = 0x0a;

/**
 * The events of inbox lines, one NDJSON line each, values byte for byte as sent. Each event carries `type`, `messageId`
 * (derived from its content where the sender gave none), `receivedAt`, and the `timestamp` corrected for the sender's
 * clock: `receivedAt − (sentAt − originalTimestamp)` (Segment documentation, "Spec: Common Fields"). `consent` is that of
 * its context; `gpc` says that the browser sent `Sec-GPC: 1`. Ids that are numbers become texts with the same digits.
 */
export function segmentEvents(lines: Uint8Array): { readonly bytes: Uint8Array; readonly rowCount: number } {
  const events: Buffer[] = [];
  let start = 0;
  for (let feed = lines.indexOf(lineFeed); feed >= 0; feed = lines.indexOf(lineFeed, start)) {
    const members = sliceMembers(lines.subarray(start, feed));
    start = feed + 1;
    const endpoint = textOf(members.get('endpoint')) ?? '';
    const receivedAt = textOf(members.get('receivedAt')) ?? '';
    const body = members.get('body') ?? Buffer.from('null');
    const envelope = sliceMembers(body);
    const elements =
      endpoint === 'batch' ? sliceElements(envelope.get('batch') ?? Buffer.from('[]')) : [body];
    for (const element of elements)
      events.push(
        eventLine(element, {
          endpoint,
          receivedAt,
          sentAt: textOf(envelope.get('sentAt')),
          isGpc: members.has('gpc'),
        }),
      );
  }
  return { bytes: Buffer.concat(events), rowCount: events.length };
}

interface Delivery {
  readonly endpoint: string;
  readonly receivedAt: string;
  readonly sentAt: string | undefined;
  readonly isGpc: boolean;
}

const idMembers = ['userId', 'anonymousId', 'groupId', 'previousId'] as const;
const numberText = /^-?[0-9]+$/;

function eventLine(event: Uint8Array, { endpoint, receivedAt, sentAt, isGpc }: Delivery): Buffer {
  // What is no object goes on as it is: the schema check quarantines it.
  if (event[0] !== 0x7b) return Buffer.concat([event, Buffer.from('\n')]);
  const members = sliceMembers(event);
  members.delete('writeKey');
  const set = (name: string, value: string | undefined) => {
    if (value !== undefined) members.set(name, Buffer.from(JSON.stringify(value)));
  };
  const original = textOf(members.get('originalTimestamp')) ?? textOf(members.get('timestamp'));
  const sent = textOf(members.get('sentAt')) ?? sentAt;
  if (!members.has('type') && endpoint !== 'batch') set('type', endpoint);
  if (textOf(members.get('messageId')) === undefined && !members.has('messageId'))
    set(
      'messageId',
      `derived-${createHash('sha256').update(receivedAt).update(event).digest('hex').slice(0, 40)}`,
    );
  for (const name of idMembers) {
    const digits = Buffer.from(members.get(name) ?? '').toString('latin1');
    if (numberText.test(digits)) set(name, digits);
  }
  const context = members.get('context');
  const consent = context?.[0] === 0x7b ? sliceMembers(context).get('consent') : undefined;
  if (consent !== undefined && !members.has('consent')) members.set('consent', consent);
  if (isGpc) members.set('gpc', Buffer.from('true'));
  set('originalTimestamp', original);
  set('sentAt', sent);
  set('receivedAt', receivedAt);
  set('timestamp', correctedTime(receivedAt, sent, original));
  const parts = [...members].map(([name, value]) =>
    Buffer.concat([Buffer.from(`${JSON.stringify(name)}:`), value]),
  );
  return Buffer.from(`{${parts.map((part) => part.toString('utf8')).join(',')}}\n`);
}

function correctedTime(
  receivedAt: string,
  sentAt: string | undefined,
  original: string | undefined,
): string | undefined {
  if (original === undefined) return receivedAt;
  const [received, sent, happened] = [receivedAt, sentAt ?? '', original].map((text) => Date.parse(text));
  if (happened === undefined || Number.isNaN(happened)) return original;
  if (received === undefined || sent === undefined || Number.isNaN(sent) || Number.isNaN(received))
    return original;
  return new Date(received - (sent - happened)).toISOString();
}

function textOf(json: Uint8Array | undefined): string | undefined {
  if (json === undefined || json[0] !== 0x22) return undefined;
  return JSON.parse(Buffer.from(json).toString('utf8')) as string;
}
