import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActivityDeps } from '../../activities/deps.js';
import { embedSchemas } from '../../activities/worker/load-dags.js';
import { createValidate } from '../../activities/validate.js';
import { createStagedSql, type StagedSql } from '../../connectors/duckdb/staged-sql.js';
import { createSource } from '../../connectors/file/index.js';
import { file } from '../../connectors/file/reference.js';
import { createLocalStaging } from '../../connectors/staging/local.js';
import type { ValidateTask } from '../../core/dag/dag-spec.js';
import { unexplainedRows, zeroCounts, type Manifest, type StagedFile } from '../../core/loading/manifest.js';
import { defineDag } from '../../index.js';
import { createSchemaRegistry } from '../../schemas/registry.js';
import { temporaryFolder } from '../helpers/folder.js';
import { context, io, rejectsOf, rowsOf } from '../quality/batches.js';
import { readAll, rejection } from '../sources/read-all.js';

const folder = temporaryFolder();
const schemasDirectory = join(folder, 'schemas');
const schemas = () => createSchemaRegistry([schemasDirectory]);
const staging = createLocalStaging({ directory: join(folder, 'staging') });
const warnings: unknown[][] = [];
let sql: StagedSql;
let deps: ActivityDeps;

const order = `
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "common/money.proto";
enum Status { UNKNOWN = 0; PAID = 1; }
message Line { string sku = 1; }
message Order {
  int64 id = 1;
  uint64 serial = 2;
  Status status = 3;
  google.protobuf.Timestamp placed_at = 4;
  bytes receipt = 5;
  repeated Line lines = 6;
  map<string, int64> points = 7;
  optional string note = 8;
  google.protobuf.Int64Value balance = 9;
  common.Money total = 10;
  bool gift = 11;
  oneof who { string email = 12; int32 code = 13; }
  double weight = 14 [json_name = "kilograms"];
}`;

beforeAll(async () => {
  mkdirSync(join(schemasDirectory, 'common'), { recursive: true });
  writeFileSync(join(schemasDirectory, 'order.proto'), order);
  writeFileSync(
    join(schemasDirectory, 'common/money.proto'),
    'syntax = "proto3"; package common; message Money { string currency = 1; int64 units = 2; }',
  );
  sql = await createStagedSql();
  deps = { staging, stagedSql: sql } as unknown as ActivityDeps;
});
afterAll(() => sql.close());

const nested = (build: (writer: BinaryWriter) => BinaryWriter) => build(new BinaryWriter()).finish();

/** An order as another implementation writes it; every field is set. */
function wholeOrder(): BinaryWriter {
  const bytes = WireType.LengthDelimited;
  const map = nested((writer) =>
    writer.tag(1, bytes).string('summer').tag(2, WireType.Varint).int64('9007199254740993'),
  );
  return new BinaryWriter()
    .tag(1, WireType.Varint)
    .int64('-9007199254740993')
    .tag(2, WireType.Varint)
    .uint64('18446744073709551615')
    .tag(3, WireType.Varint)
    .int32(1)
    .tag(4, bytes)
    .bytes(
      nested((writer) =>
        writer.tag(1, WireType.Varint).int64(1_767_225_600).tag(2, WireType.Varint).int32(123_456_789),
      ),
    )
    .tag(5, bytes)
    .bytes(new Uint8Array([0, 255, 10]))
    .tag(6, bytes)
    .bytes(nested((writer) => writer.tag(1, bytes).string('sku ü')))
    .tag(7, bytes)
    .bytes(map)
    .tag(8, bytes)
    .string('as sent')
    .tag(9, bytes)
    .bytes(nested((writer) => writer.tag(1, WireType.Varint).int64('9223372036854775807')))
    .tag(10, bytes)
    .bytes(nested((writer) => writer.tag(1, bytes).string('EUR').tag(2, WireType.Varint).int64(12)))
    .tag(11, WireType.Varint)
    .bool(true)
    .tag(12, bytes)
    .string('ana@example.com')
    .tag(14, WireType.Bit64)
    .double(0.1);
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

async function validate(records: readonly object[], field?: string): Promise<Manifest> {
  const dag = defineDag({
    id: 'orders',
    schedule: 'manual',
    tasks: (t) => {
      const raw = t.extract('pull', { from: () => [] });
      const schema = {
        proto: 'order.proto',
        message: 'shop.Order',
        ...(field === undefined ? {} : { field }),
      };
      t.load('store', t.validate('typed', raw, { schema }), { into: 'orders' });
    },
  });
  // As a run carries it: plain JSON.
  const spec = JSON.parse(JSON.stringify(embedSchemas(dag.spec, schemas()))) as typeof dag.spec;
  const task = spec.tasks.find(({ id }) => id === 'typed') as ValidateTask;
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  const input: Manifest = {
    manifestVersion: 1,
    files: [await staging.write([Buffer.from(lines)], records.length)],
    deletes: [],
    rejects: [],
    counts: { ...zeroCounts, extracted: records.length },
    contentHash: lines,
    ingestedAt: '2026-01-02T00:00:00.000Z',
  };
  const log = { ...io.log, warn: (...said: unknown[]) => void warnings.push(said) };
  return createValidate(deps)({ context, task, input }, { ...io, log });
}

describe('messages in a member of records', () => {
  test('become rows without loss: 64 bits, enums by name, instants, bytes, wrappers; the types make the columns', async () => {
    const manifest = await validate([{ offset: 7, value: base64(wholeOrder().finish()) }], 'value');
    expect(manifest.counts.quarantined).toBe(0);
    expect(manifest.columns?.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id int64',
      'serial decimal',
      'status string',
      'placedAt timestamp',
      'receipt bytes',
      'lines json',
      'points json',
      'note string',
      'balance int64',
      'total json',
      'gift boolean',
      'email string',
      'code int64',
      'kilograms double',
      'offset int64',
    ]);
    const [row] = await rowsOf(deps, manifest);
    expect(row).toMatchObject({
      id: '-9007199254740993',
      serial: '18446744073709551615',
      status: 'PAID',
      placedAt: '2026-01-01 00:00:00.123456',
      note: 'as sent',
      balance: '9223372036854775807',
      gift: true,
      email: 'ana@example.com',
      code: null,
      kilograms: 0.1,
      offset: '7',
    });
    expect(JSON.parse(String(row?.['lines']))).toEqual([{ sku: 'sku ü' }]);
    expect(JSON.parse(String(row?.['points']))).toEqual({ summer: '9007199254740993' });
    expect(JSON.parse(String(row?.['total']))).toEqual({ currency: 'EUR', units: '12' });
    const [{ receipt } = {}] = await sql.run([
      `SELECT hex(receipt) AS receipt FROM read_parquet('${await staging.localPath(manifest.files[0] as StagedFile)}')`,
    ]);
    expect(receipt).toBe('00FF0A');
  });

  test('what was not sent is zero, or null where the field can tell; unknown fields are left out', async () => {
    const unknown = new BinaryWriter().tag(99, WireType.Varint).int32(5).finish();
    const manifest = await validate([{ message: '' }, { message: base64(unknown) }]);
    expect(warnings).toContainEqual([expect.stringContaining('1 messages have fields'), { numbers: [99] }]);
    for (const row of await rowsOf(deps, manifest))
      expect(row).toMatchObject({
        id: '0',
        status: 'UNKNOWN',
        gift: false,
        note: null,
        placedAt: null,
        email: null,
      });
  });

  test('what is no such message is quarantined with its reason and as it came; the rest goes on', async () => {
    const good = base64(wholeOrder().finish());
    const records = [
      { message: good },
      { message: base64(wholeOrder().finish().subarray(0, 30)) },
      { message: 'not base64!' },
      { other: 1 },
      { message: good },
    ];
    const manifest = await validate(records);
    expect(await rowsOf(deps, manifest)).toHaveLength(2);
    const rejects = await rejectsOf(deps, manifest.rejects);
    expect(rejects).toEqual(
      [1, 2, 3].map((position) => ({
        code: 'PROTOBUF_INVALID',
        pointer: '/message',
        message: expect.stringContaining('shop.Order'),
        raw: JSON.stringify(records[position]),
        position,
      })),
    );
    expect(unexplainedRows({ ...manifest.counts, loaded: 2 })).toBe(0);
  });
});

test('files of length-delimited messages become records, across chunks; a cut one is refused', async () => {
  const messages = Array.from({ length: 3_000 }, (_, id) =>
    new BinaryWriter()
      .tag(1, WireType.Varint)
      .int64(id)
      .tag(8, WireType.LengthDelimited)
      .string('x'.repeat(id % 300))
      .finish(),
  );
  const content = Buffer.concat(
    messages.map((message) => Buffer.concat([new BinaryWriter().uint32(message.length).finish(), message])),
  );
  const { options } = file.records({ path: 'orders.bin', format: 'protobuf-delimited' });
  writeFileSync(join(folder, 'orders.bin'), content);
  const source = createSource({ projectDirectory: folder });
  const { rows } = await readAll(source, { options });
  const records = rows.map((row) => JSON.parse(row) as { line: number; message: string });
  expect(records.map(({ message }) => message)).toEqual(messages.map(base64));
  expect(records.at(-1)?.line).toBe(3_000);
  const manifest = await validate(records);
  const ids = (await rowsOf(deps, manifest)).map(({ id }) => Number(id));
  expect(ids).toEqual(messages.map((_, id) => id));

  writeFileSync(join(folder, 'orders.bin'), content.subarray(0, -1));
  expect(await rejection(readAll(source, { options }))).toMatchObject({
    code: 'SOURCE_FILE',
    message: expect.stringContaining('message 3000 is cut off'),
  });
});

describe('schemas that are none', () => {
  test.each([
    ['order.proto#shop.Missing', 'has no message'],
    ['missing.proto#shop.Order', 'there is no "missing.proto"'],
    ['../order.proto#shop.Order', 'there is no "../order.proto"'],
    ['old.proto#Old', 'does not say syntax = "proto3"'],
    ['broken.proto#Broken', 'illegal'],
    ['importing.proto#Importing', 'there is no "nowhere.proto"'],
  ])('%s: %s', (id, problem) => {
    writeFileSync(join(schemasDirectory, 'old.proto'), 'syntax = "proto2"; message Old {}');
    writeFileSync(join(schemasDirectory, 'broken.proto'), 'syntax = "proto3"; message Broken {{');
    writeFileSync(
      join(schemasDirectory, 'importing.proto'),
      'syntax = "proto3"; import "nowhere.proto"; message Importing {}',
    );
    expect(() => schemas().get(id)).toThrow(
      expect.objectContaining({ code: 'SCHEMA_INVALID', message: expect.stringContaining(problem) }),
    );
  });
});
