import { readFile } from 'node:fs/promises';
import { adapt, protos } from '@google-cloud/bigquery-storage';
import protobuf from 'protobufjs';
import 'protobufjs/ext/descriptor.js';
import type { ColumnSpec } from '../../core/loading/columns.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { StagedRows } from '../load/stage-batch.js';
import { tableSchema } from './schema.js';

/** The message that carries a row, as the service is told it. */
export type RowDescriptor = protos.google.protobuf.IDescriptorProto;

/** Rows of one request. */
export interface EncodedRows {
  /** Place of the first row in the stream, from 0. */
  readonly offset: number;
  readonly serializedRows: readonly Uint8Array[];
}

/** A file of a load as messages. */
export interface EncodedFile {
  readonly descriptor: RowDescriptor;
  readonly requests: readonly EncodedRows[];
}

/**
 * Reads a file of JSON lines, in the form that load jobs take, as the messages of the Storage Write API: no number, instant
 * or decimal passes through a double. A request holds at most `bigQueryAppendMaxBytes` of rows, or one row.
 *
 * Source: https://cloud.google.com/bigquery/docs/supported-data-types
 *
 * @throws PipelineError IDENTIFIER_REFUSED
 */
export async function encodeFile({ path, columns }: StagedRows): Promise<EncodedFile> {
  const { descriptor, encode } = rowEncoder(columns);
  const requests: { offset: number; serializedRows: Uint8Array[] }[] = [];
  let offset = 0;
  let bytes = Infinity;
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    if (line === '') continue;
    const row = encode(JSON.parse(line) as Readonly<Record<string, unknown>>);
    if (bytes + row.length > limits.bigQueryAppendMaxBytes) {
      requests.push({ offset, serializedRows: [] });
      bytes = 0;
    }
    requests.at(-1)?.serializedRows.push(row);
    bytes += row.length;
    offset += 1;
  }
  return { descriptor, requests };
}

function rowEncoder(columns: readonly ColumnSpec[]): {
  readonly descriptor: RowDescriptor;
  encode(row: Readonly<Record<string, unknown>>): Uint8Array;
} {
  const fields = adapt.convertBigQuerySchemaToStorageTableSchema({ fields: tableSchema(columns) });
  const descriptor = adapt.convertStorageSchemaToProto2Descriptor(fields, 'Row');
  const type = (
    protobuf.Type as unknown as { fromDescriptor(descriptor: RowDescriptor): protobuf.Type }
  ).fromDescriptor(descriptor);
  // A name that no message can have stands in the options of its field; fields are in the order of the columns.
  const named = columns.map((column, index) => ({ column, field: descriptor.field[index]?.name ?? '' }));
  return {
    // As a plain object: a message has the defaults of its kind, too, which would travel as if they were meant.
    descriptor: protos.google.protobuf.DescriptorProto.fromObject(descriptor).toJSON(),
    encode: (row) => {
      const message = type.create();
      for (const { column, field } of named) {
        const value = row[column.name];
        if (value !== null && value !== undefined)
          Object.assign(message, { [field]: valueOf(column, value) });
      }
      return type.encode(message).finish();
    },
  };
}

/** Whole numbers stay text, which the encoder reads exactly; bytes stay base64, which it decodes. */
function valueOf({ name, type }: ColumnSpec, value: unknown): unknown {
  switch (type) {
    case 'timestamp':
      return microsOf(name, String(value));
    case 'date':
      return daysOf(name, String(value));
    default:
      return value;
  }
}

const dayMs = 24 * 60 * 60_000;

/** `2026-01-31 23:59:59.123456 UTC` as microseconds since 1970, in digits. */
function microsOf(column: string, text: string): string {
  const [, day, hour, minute, second, fraction = ''] =
    /^(\S+)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?/.exec(text) ?? [];
  if (day === undefined) throw unreadable(column, text);
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  const whole = BigInt(daysOf(column, day)) * BigInt(dayMs / 1_000) + BigInt(seconds);
  return String(whole * 1_000_000n + BigInt(fraction.padEnd(6, '0')));
}

/** `2026-01-31` as days since 1970. */
function daysOf(column: string, text: string): number {
  const [, year, month, day] = /^(\d{1,4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === undefined) throw unreadable(column, text);
  // Not Date.UTC, which takes years below 100 for those of the last century.
  return new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day)) / dayMs;
}

function unreadable(column: string, text: string): PipelineError {
  const reason = `column "${column}" holds an instant of ${String(text.length)} letters outside of the years 1 to 9999`;
  return new PipelineError('WAREHOUSE_STATEMENT', { table: 'the staging table', reason });
}
