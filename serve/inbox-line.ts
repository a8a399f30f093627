/** What the gateway knows of a request besides its body. */
export interface LineHead {
  /** ISO 8601 UTC. */
  readonly receivedAt: string;
  readonly source: string;
  readonly endpoint: string;
  readonly requestId: string;
  readonly eventId?: string | undefined;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const lineEnd = Buffer.from('}\n');

/**
 * One line of an inbox segment. The body goes in byte for byte; line breaks, which JSON has between tokens only, become
 * spaces.
 */
export function inboxLine(
  { receivedAt, source, endpoint, requestId, eventId }: LineHead,
  body: Buffer,
): Buffer {
  const id = eventId === undefined ? '' : `,"eventId":${JSON.stringify(eventId)}`;
  const head = `{"receivedAt":"${receivedAt}","source":${JSON.stringify(source)},"endpoint":"${endpoint}","requestId":"${requestId}"${id},"body":`;
  return Buffer.concat([Buffer.from(head), withoutBreaks(body), lineEnd]);
}

function withoutBreaks(body: Buffer): Buffer {
  if (!body.includes(lineFeed) && !body.includes(carriageReturn)) return body;
  return body.map((byte) => (byte === lineFeed || byte === carriageReturn ? space : byte)) as Buffer;
}
