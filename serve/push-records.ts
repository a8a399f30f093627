import { readRecords } from '../connectors/file/records.js';
import type { FileSettings } from '../connectors/file/settings.js';
import { sliceElements } from '../connectors/json-slices.js';
import { isPipelineError, PipelineError } from '../core/errors/index.js';
import { limits } from '../core/limits.js';
import { parseJsonBody } from './parse-json.js';

/** What is wrong with one record; the record is kept all the same. */
export interface RecordProblem {
  /** Place of the record in its request, from 0. */
  readonly index: number;
  readonly code: string;
  readonly message: string;
}

/** What an answer says of the records of a request. */
export interface RecordCounts {
  readonly received: number;
  readonly invalid: number;
  /** The first problems, at most `pushNamedProblems`. */
  readonly errors: readonly RecordProblem[];
}

const openBrace = 0x7b;

/** Judges the records of one request, one after the other, and counts them. */
export class RecordTally {
  readonly #named: RecordProblem[] = [];
  #received = 0;
  #invalid = 0;
  #firstProblem = 'there is none';

  /** A record as one JSON value: itself, or the text of what is no JSON, so that the quarantine can show it. */
  add(record: Uint8Array): Uint8Array {
    const index = this.#received;
    this.#received += 1;
    const problem = parseProblem(record) ?? (record[0] === openBrace ? undefined : 'it is no JSON object');
    if (problem === undefined) return record;
    if (this.#invalid === 0) this.#firstProblem = problem;
    this.#invalid += 1;
    if (this.#named.length < limits.pushNamedProblems) {
      const { code, message } = new PipelineError('PUSH_RECORD', { problem });
      this.#named.push({ index, code, message });
    }
    const kept =
      record.length > limits.recordMaxBytes ? record.subarray(0, limits.oversizedKeptBytes) : record;
    return Buffer.from(JSON.stringify(Buffer.from(kept).toString('utf8')));
  }

  /** @throws PipelineError GATEWAY_REQUEST_INVALID where no record is usable: then it is the request that is wrong */
  counts(): RecordCounts {
    if (this.#invalid === this.#received)
      throw new PipelineError('GATEWAY_REQUEST_INVALID', {
        reason: `none of its ${String(this.#received)} records is usable (the first: ${this.#firstProblem})`,
      });
    return { received: this.#received, invalid: this.#invalid, errors: this.#named };
  }
}

/** Why the bytes are no JSON value that can be kept as such. */
function parseProblem(record: Uint8Array): string | undefined {
  if (record.length > limits.recordMaxBytes)
    return `it is over recordMaxBytes (${String(limits.recordMaxBytes)})`;
  try {
    parseJsonBody(Buffer.from(record.buffer, record.byteOffset, record.length), 'it');
    return undefined;
  } catch (error) {
    if (isPipelineError(error)) return String(error.context['reason']);
    throw error;
  }
}

/** NDJSON has many names; none of them is registered. */
export const ndjsonTypes: readonly string[] = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
  'application/json-lines',
];

/**
 * The records of a body: one JSON object, an array of them, or NDJSON, each ready for the inbox.
 *
 * @throws PipelineError GATEWAY_REQUEST_INVALID, GATEWAY_TOO_LARGE
 */
export async function bodyRecords(
  bytes: Buffer,
  isNdjson: boolean,
): Promise<{ readonly records: readonly Uint8Array[]; readonly counts: RecordCounts }> {
  const tally = new RecordTally();
  const records: Uint8Array[] = [];
  const take = (record: Uint8Array) => {
    if (records.length >= limits.pushMaxRecords)
      throw new PipelineError('GATEWAY_TOO_LARGE', {
        what: 'The number of records',
        limit: 'pushMaxRecords',
        allowed: limits.pushMaxRecords,
      });
    records.push(tally.add(record));
  };
  if (!isNdjson)
    for (const record of Array.isArray(parseJsonBody(bytes).value)
      ? sliceElements(bytes)
      : [bytes.subarray(firstBrace(bytes))])
      take(record);
  else
    for await (const group of readRecords(only(bytes), linesOf('body')))
      for (const record of group) take(record.json());
  return { records, counts: tally.counts() };
}

function firstBrace(bytes: Buffer): number {
  return Math.max(0, bytes.indexOf(openBrace));
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** How the file source reads lines of JSON. */
export function linesOf(name: string): FileSettings {
  return {
    path: name,
    format: 'ndjson',
    header: true,
    columns: undefined,
    delimiter: ',',
    widths: [],
    intervalColumn: undefined,
    compactDates: new Set(),
    maxBytes: limits.pushFileMaxBytes,
  };
}

/** Records as one JSON array. */
export function arrayOf(records: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const record of records) parts.push(parts.length === 0 ? open : comma, record);
  return Buffer.concat([...parts, close]);
}

const open = Buffer.from('[');
const comma = Buffer.from(',');
const close = Buffer.from(']');
