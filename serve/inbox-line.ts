/** What the gateway knows of a request besides its body. */
export interface LineHead {
  /** ISO 8601 UTC. */
  readonly receivedAt: string;
  readonly source: string;
  readonly endpoint: string;
  readonly requestId: string;
  readonly provider?: string | undefined;
  readonly eventId?: string | undefined;
  /** Headers that belong to the event. */
  readonly kept?: Readonly<Record<string, string>> | undefined;
  /** The body is a part of a longer list: index of its first element there. */
  readonly first?: number;
  /** The sender's browser asks not to be sold or shared (`Sec-GPC: 1`). */
  readonly isGpc?: boolean;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const closingBrace = 0x7d;

/**
 * One line of an inbox segment. The body goes in byte for byte; line breaks, which JSON has between tokens only, become
 * spaces.
 */
export function inboxLine(head: LineHead, body: Buffer): Buffer {
  const start = headText(head);
  const headBytes = Buffer.byteLength(start);
  const line = Buffer.allocUnsafe(headBytes + body.length + 2);
  line.write(start, 'utf8');
  body.copy(line, headBytes);
  replaceBreaks(line, headBytes);
  line[line.length - 2] = closingBrace;
  line[line.length - 1] = lineFeed;
  return line;
}

function headText({
  receivedAt,
  source,
  endpoint,
  requestId,
  provider,
  eventId,
  kept,
  first,
  isGpc,
}: LineHead): string {
  let text = `{"receivedAt":"${receivedAt}","source":"${source}","endpoint":"${endpoint}","requestId":"${requestId}"`;
  if (provider !== undefined) text += `,"provider":"${provider}"`;
  if (eventId !== undefined) text += `,"eventId":${JSON.stringify(eventId)}`;
  if (kept !== undefined) text += `,"kept":${JSON.stringify(kept)}`;
  if (first !== undefined) text += `,"first":${String(first)}`;
  if (isGpc === true) text += ',"gpc":true';
  return `${text},"body":`;
}

function replaceBreaks(line: Buffer, from: number): void {
  for (const wanted of [lineFeed, carriageReturn]) {
    const end = line.length - 2;
    for (let at = line.indexOf(wanted, from); at >= 0 && at < end; at = line.indexOf(wanted, at + 1))
      line[at] = space;
  }
}
