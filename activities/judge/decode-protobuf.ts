import { sliceMembers, toLine } from '../../connectors/json-slices.js';
import { limits } from '../../core/limits.js';
import type { StagedFile } from '../../core/loading/manifest.js';
import type { QuarantineRow } from '../../core/quality/quarantine.js';
import { createProtobufDecoder, type DecodedMessage } from '../../schemas/decode-protobuf.js';
import type { ProtobufMessage } from '../../schemas/protobuf.js';
import type { ActivityDeps, StageIo } from '../deps.js';
import { rawLines } from '../read/raw-lines.js';
import { readStagedLines, type StagedLine } from '../staged/staged-lines.js';

/** Records whose message is decoded: a line for each line of the input. */
export interface DecodedFiles {
  readonly files: readonly StagedFile[];
  /** Gives the rejects of the decoded lines their own reason and the original bytes. */
  restore(rejects: readonly QuarantineRow[]): Promise<readonly QuarantineRow[]>;
}

/** Stands for a record whose message could not be decoded: no JSON, so that it is refused. */
const undecodable = Buffer.from('!\n');

/**
 * Puts the JSON form of a message in the place of the member of each record that holds it as base64 text. The record's other
 * members stay byte for byte; where the message has one of the same name, that of the message stands.
 *
 * @throws PipelineError STAGING_*
 */
export async function decodeProtobuf(
  deps: ActivityDeps,
  message: ProtobufMessage & { readonly field: string },
  files: readonly StagedFile[],
  io: StageIo,
): Promise<DecodedFiles> {
  const decode = createProtobufDecoder(message);
  const failed = new Map<number, string>();
  const unknown = { messages: 0, numbers: new Set<number>() };
  const raw = await rawLines(deps, files, io.signal);
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const lines = async function* (): AsyncGenerator<Uint8Array> {
    let buffer: Uint8Array[] = [];
    for await (const line of readStagedLines(raw.paths)) {
      const decoded = decodeLine(line, message.field, decode);
      if (typeof decoded === 'string') failed.set(line.position, decoded);
      else if (decoded.unknownFields.length > 0) {
        unknown.messages += 1;
        for (const number of decoded.unknownFields) unknown.numbers.add(number);
      }
      buffer.push(typeof decoded === 'string' ? undecodable : decoded.line);
      if (buffer.length < limits.recordsPerChunk) continue;
      io.signal.throwIfAborted();
      io.heartbeat(line.position);
      yield Buffer.concat(buffer);
      buffer = [];
    }
    if (buffer.length > 0) yield Buffer.concat(buffer);
  };
  try {
    const file = await deps.staging.write(lines(), rows);
    if (unknown.messages > 0)
      io.log.warn(
        `${String(unknown.messages)} messages have fields that "${message.message}" does not know; they are left out`,
        { numbers: [...unknown.numbers].sort((a, b) => a - b).slice(0, limits.protobufNamedFields) },
      );
    return {
      files: [file],
      restore: (rejects) => restore(deps, files, rejects, failed, { message, io }),
    };
  } finally {
    await raw.remove();
  }
}

/** The line with its message decoded, or why it could not be. */
function decodeLine(
  { bytes }: StagedLine,
  field: string,
  decode: (bytes: Uint8Array) => DecodedMessage,
): { readonly line: Uint8Array; readonly unknownFields: readonly number[] } | string {
  let members: Map<string, Uint8Array>;
  let text: unknown;
  try {
    const record: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      return 'the record is no object';
    text = Object.hasOwn(record, field) ? (record as Record<string, unknown>)[field] : undefined;
    members = sliceMembers(bytes);
  } catch {
    return 'the record is not JSON';
  }
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(text))
    return 'the member holds no base64 text';
  try {
    const { json, unknownFields } = decode(Buffer.from(text, 'base64'));
    members.delete(field);
    for (const [name, value] of Object.entries(json)) members.set(name, Buffer.from(JSON.stringify(value)));
    const parts = [...members].map(([name, value]) =>
      Buffer.concat([Buffer.from(`${JSON.stringify(name)}:`), value, Buffer.from(',')]),
    );
    const body = Buffer.concat(parts);
    return {
      line: toLine(Buffer.concat([Buffer.from('{'), body.subarray(0, -1), Buffer.from('}')])),
      unknownFields,
    };
  } catch (error) {
    return error instanceof Error ? error.message : 'it cannot be decoded';
  }
}

async function restore(
  deps: ActivityDeps,
  files: readonly StagedFile[],
  rejects: readonly QuarantineRow[],
  failed: ReadonlyMap<number, string>,
  { message, io }: { message: ProtobufMessage & { readonly field: string }; io: StageIo },
): Promise<readonly QuarantineRow[]> {
  if (rejects.length === 0) return rejects;
  const wanted = new Set(rejects.map(({ position }) => position));
  const originals = new Map<number, string>();
  const raw = await rawLines(deps, files, io.signal);
  try {
    for await (const { position, bytes } of readStagedLines(raw.paths))
      if (wanted.has(position)) originals.set(position, Buffer.from(bytes).toString('utf8'));
  } finally {
    await raw.remove();
  }
  return rejects.map((reject) => {
    const original = { ...reject, raw: originals.get(reject.position) ?? reject.raw };
    const reason = failed.get(reject.position);
    if (reason === undefined) return original;
    return {
      ...original,
      code: 'PROTOBUF_INVALID',
      pointer: `/${message.field.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      message: `no message "${message.message}": ${reason}`,
    };
  });
}
