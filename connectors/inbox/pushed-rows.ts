import { sliceElements, sliceMembers, toLine } from '../json-slices.js';

const lineFeed = 0x0a;
const openBrace = 0x7b;

/**
 * The records of inbox lines of a `push/` stream, one NDJSON line each, values byte for byte as sent. Each record carries
 * `pushId`, which is the same whenever the same request comes again, and `pushedAt`; where the sender uses these names, what
 * the gateway knows stands. What is no object goes on as it is: the schema check quarantines it.
 */
export function pushedRows(lines: Uint8Array): { readonly bytes: Uint8Array; readonly rowCount: number } {
  const rows: Uint8Array[] = [];
  let start = 0;
  for (let feed = lines.indexOf(lineFeed); feed >= 0; feed = lines.indexOf(lineFeed, start)) {
    const head = sliceMembers(lines.subarray(start, feed));
    start = feed + 1;
    const pushId = textOf(head.get('eventId'));
    const pushedAt = textOf(head.get('receivedAt'));
    const first = Number(Buffer.from(head.get('first') ?? '0').toString('latin1'));
    for (const [index, record] of sliceElements(head.get('body') ?? Buffer.from('[]')).entries())
      rows.push(
        record[0] === openBrace
          ? row(record, `${pushId}-${String(first + index)}`, pushedAt)
          : toLine(record),
      );
  }
  return { bytes: Buffer.concat(rows), rowCount: rows.length };
}

function row(record: Uint8Array, pushId: string, pushedAt: string): Uint8Array {
  const members = sliceMembers(record);
  members.set('pushId', Buffer.from(JSON.stringify(pushId)));
  members.set('pushedAt', Buffer.from(JSON.stringify(pushedAt)));
  const parts: Uint8Array[] = [];
  for (const [name, value] of members)
    parts.push(Buffer.from(`${parts.length === 0 ? '{' : ','}${JSON.stringify(name)}:`), value);
  return toLine(Buffer.concat([...parts, Buffer.from('}')]));
}

function textOf(json: Uint8Array | undefined): string {
  return json === undefined ? '' : (JSON.parse(Buffer.from(json).toString('utf8')) as string);
}
