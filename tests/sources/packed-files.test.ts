import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createSource } from '../../connectors/file/index.js';
import { readParquet } from '../../connectors/file/parquet-rows.js';
import { file, type FileOptions } from '../../connectors/file/reference.js';
import { unzstd } from '../../connectors/file/zstd.js';
import { temporaryFolder } from '../helpers/folder.js';
import { findFakesnow } from '../peers/peers.js';
import { readAll, rejection } from './read-all.js';

const folder = temporaryFolder();
const source = createSource({ projectDirectory: folder });
const { signal } = new AbortController();
/** A Python that has pyarrow, the other writer of Parquet. */
const python = await findFakesnow();
let instance: DuckDBInstance;
let duckdb: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  duckdb = await instance.connect();
});
afterAll(() => {
  duckdb.closeSync();
  instance.closeSync();
});

const read = (options: FileOptions, more: object = {}) =>
  readAll(source, { options: file.records(options).options, ...more });
const at = (name: string): string => join(folder, name);
const write = async (name: string, select: string, how: string): Promise<Buffer> => {
  await duckdb.run(`COPY (${select}) TO '${at(name)}' (${how})`);
  return readFileSync(at(name));
};

async function unpacked(bytes: Uint8Array, pieceBytes = 1_000): Promise<Buffer> {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
  };
  const all: Uint8Array[] = [];
  for await (const chunk of unzstd(pieces(), 'one.zst')) all.push(chunk);
  return Buffer.concat(all);
}

const pyarrowWriter = `
import sys, decimal, pyarrow as pa, pyarrow.parquet as pq
at, D = sys.argv[1], decimal.Decimal
rows = pa.table({
  'nanos': pa.array([1767225600123456789], pa.timestamp('ns')),
  'zoned': pa.array([1767225600123456789], pa.timestamp('ns', tz='Europe/Paris')),
  'money': pa.array([D('-12345678901234567890123456789.123456789')], pa.decimal128(38, 9)),
  'fixed': pa.array([bytes([0, 1, 255])], pa.binary(3)),
  'nested': pa.array([[{'a': 9007199254740993, 'b': None}]], pa.list_(pa.struct([('a', pa.int64()), ('b', pa.string())]))),
  'map': pa.array([[('k', 1.5)]], pa.map_(pa.string(), pa.float64())),
  'coded': pa.array(['x']).dictionary_encode(),
  'half': pa.array([1.5], pa.float16()),
  'none': pa.array([None], pa.null()),
})
pq.write_table(rows, at + 'pyarrow.parquet', compression='zstd')
pq.write_table(rows, at + 'int96.parquet', use_deprecated_int96_timestamps=True)
wide = pa.array([{'deep': D(1)}], pa.struct([('deep', pa.decimal256(60, 3))]))
pq.write_table(pa.table({'id': pa.array([1]), 'wide': wide}), at + 'wide.parquet')
`;

/** Blocks as RFC 8878 has them: three bytes of header, then the content. */
function block(type: 'raw' | 'rle', size: number, content: Uint8Array, isLast = false): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | ((type === 'raw' ? 0 : 1) << 1) | (isLast ? 1 : 0), 0, 3);
  return Buffer.concat([header, content]);
}

/** `a line of text\n`, a hundred times, by zstd 1.5.4: its frame ends with a checksum. */
const withChecksum = Buffer.from('KLUv/WTcBLUAAHhhIGxpbmUgb2YgdGV4dAoBAMrJP+ubsYvJ', 'base64');

describe('zstd', () => {
  test('CSV and NDJSON are read as if they were not packed, also frame behind frame', async () => {
    const rows = `SELECT range AS id, 'name ' || (range % 97) AS name FROM range(20000)`;
    const csv = await write('rows.csv', rows, 'FORMAT csv');
    const first = await write('rows.csv.zst', rows, 'FORMAT csv, COMPRESSION zstd');
    expect((await unpacked(first)).equals(csv)).toBe(true);
    const plain = await read({ path: 'rows.csv' });
    expect((await read({ path: 'rows.csv.zst' })).rows.join('\n')).toBe(plain.rows.join('\n'));
    await write(
      'one.ndjson.zst',
      `SELECT 9007199254740993 AS id, 1.10 AS a`,
      'FORMAT json, COMPRESSION zstd',
    );
    writeFileSync(
      at('two.jsonl.zst'),
      Buffer.concat([
        Buffer.from('502a4d1803000000616263', 'hex'),
        readFileSync(at('one.ndjson.zst')),
        readFileSync(at('one.ndjson.zst')),
      ]),
    );
    const line = '{"id":9007199254740993,"a":1.1}';
    expect((await read({ path: 'two.jsonl.zst' })).rows).toEqual([line, line]);
  });

  test('a file that was cut anywhere is an error with the byte', async () => {
    expect((await unpacked(withChecksum)).toString()).toBe('a line of text\n'.repeat(100));
    for (let bytes = 1; bytes < withChecksum.length; bytes += 1) {
      const error = await rejection(unpacked(withChecksum.subarray(0, bytes)));
      expect(error).toMatchObject({
        code: 'SOURCE_FILE',
        message: expect.stringMatching(/ends before its end/),
      });
    }
    writeFileSync(at('empty.csv.zst'), '');
    writeFileSync(at('empty.csv.gz'), '');
    for (const path of ['empty.csv.zst', 'empty.csv.gz'])
      expect(await rejection(read({ path }))).toMatchObject({ code: 'SOURCE_FILE' });
  });

  test('a bit that is not what was written never passes', async () => {
    for (let bit = 0; bit < withChecksum.length * 8; bit += 1) {
      const damaged = Buffer.from(withChecksum);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      const outcome = await unpacked(damaged).catch((error: unknown) => error);
      const isWhole = Buffer.isBuffer(outcome) && outcome.toString() === 'a line of text\n'.repeat(100);
      if (!isWhole)
        expect(outcome).toMatchObject({ name: expect.stringMatching(/Error/), code: expect.any(String) });
    }
  });

  test('small files that become large are stopped, in size and in memory', async () => {
    const huge = Array.from({ length: 2_000 }, () => block('rle', 128 * 1024, Buffer.from('a')));
    const header = Buffer.from('28b52ffd0040', 'hex');
    writeFileSync(at('bomb.zst'), Buffer.concat([header, ...huge, block('raw', 0, Buffer.alloc(0), true)]));
    expect(await rejection(read({ path: 'bomb.zst', format: 'ndjson', maxMb: 2 }))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('bomb.zst'),
    });
    // A window of 3.75 TiB, which no block ever needs.
    const wide = Buffer.concat([Buffer.from('28b52ffd00ff', 'hex'), block('raw', 1, Buffer.from('a'), true)]);
    expect(await rejection(unpacked(wide))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('fileZstdWindowMaxBytes'),
    });
  });

  test('what a dictionary was needed for, and what is no frame, is refused', async () => {
    const dictionary = Buffer.concat([
      Buffer.from('28b52ffd014007', 'hex'),
      block('raw', 1, Buffer.from('a'), true),
    ]);
    expect((await rejection(unpacked(dictionary))).message).toContain('dictionary');
    const trailing = Buffer.concat([withChecksum, Buffer.from('more')]);
    expect((await rejection(unpacked(trailing))).message).toContain('no frame begins there');
  });
});

test('what is declared is held to: a packed file that is none, and a plain one that looks packed', async () => {
  writeFileSync(at('odd.csv'), 'id\n1\n');
  for (const compression of ['gzip', 'zstd'] as const)
    expect(await rejection(read({ path: 'odd.csv', compression }))).toMatchObject({
      code: 'SOURCE_FILE',
      message: expect.stringContaining(`no ${compression}`),
    });
  writeFileSync(at('plain.gz'), gzipSync('id\n1\n'));
  expect((await read({ path: 'plain.gz', format: 'csv' })).rows).toEqual(['{"line":2,"id":"1"}']);
  expect((await read({ path: 'plain.gz', format: 'csv', compression: 'none' })).rows).not.toEqual([
    '{"line":2,"id":"1"}',
  ]);
  const error = await rejection(read({ path: 'no-ending', compression: 'lzma' as 'zstd' }));
  expect(error.message).toMatch(/"format" is missing.*"compression" must be/s);
});

describe('Parquet', () => {
  test('every type has one form, to the last digit', async () => {
    await write(
      'types.parquet',
      `SELECT 9007199254740993 AS big, 18446744073709551615::UBIGINT AS ubig, -7::TINYINT AS tiny, true AS yes,
        '-12345678901234567890123456789.123456789'::DECIMAL(38,9) AS money, 1.5::DECIMAL(4,2) AS small,
        TIMESTAMP '2026-01-01 00:00:00.123456' AS local, TIMESTAMPTZ '2026-01-01 01:00:00.5+02' AS instant,
        TIMESTAMP_NS '2026-01-01 00:00:00.123456789' AS nanos, DATE '2026-02-28' AS day, TIME '10:00:00.5' AS at,
        'a"\\' || chr(10) || chr(9) || chr(1) || 'é𝄞' AS text, '\\x00\\xFF'::BLOB AS bytes,
        [1, NULL, 9007199254740993] AS list, [[DATE '2026-01-01'], []] AS lists,
        {'x y': 1, 'in': {'d': 1.10::DECIMAL(38,2), 'none': NULL::INTEGER}} AS nested,
        MAP {'k"': 9007199254740993, 'l': NULL} AS map, MAP {DATE '2026-01-01': [true]} AS dates,
        1e300 AS double, 'nan'::DOUBLE AS nan, '-inf'::FLOAT AS inf, 0.1::FLOAT AS float,
        '{"n": 9007199254740993.12345678901234567890}'::JSON AS json, '7ae0d9c1-7d4f-4f3a-8f0e-0c1a2b3c4d5e'::UUID AS uuid,
        NULL::INTEGER AS none`,
      'FORMAT parquet',
    );
    expect((await read({ path: 'types.parquet' })).rows).toEqual([
      '{"big":9007199254740993,"ubig":18446744073709551615,"tiny":-7,"yes":true,' +
        '"money":"-12345678901234567890123456789.123456789","small":"1.50",' +
        '"local":"2026-01-01T00:00:00.123456+00:00","instant":"2025-12-31T23:00:00.5+00:00",' +
        '"nanos":"2026-01-01T00:00:00.123456789+00:00","day":"2026-02-28","at":"10:00:00.5",' +
        '"text":"a\\"\\\\\\n\\t\\u0001é𝄞","bytes":"AP8=",' +
        '"list":[1,null,9007199254740993],"lists":[["2026-01-01"],[]],' +
        '"nested":{"x y":1,"in":{"d":"1.10","none":null}},' +
        '"map":{"k\\"":9007199254740993,"l":null},"dates":{"2026-01-01":[true]},' +
        '"double":1e+300,"nan":"NaN","inf":"-Infinity","float":0.1,' +
        '"json":{"n": 9007199254740993.12345678901234567890},"uuid":"7ae0d9c1-7d4f-4f3a-8f0e-0c1a2b3c4d5e",' +
        '"none":null}',
    ]);
  });

  test.each(['snappy', 'gzip', 'zstd', 'lz4', 'brotli', 'uncompressed'])(
    'packed by %s, in many row groups and several files, all rows come in order',
    async (codec) => {
      const rows = `SELECT range AS id, 'name ' || (range % 97) AS name FROM range(10000)`;
      await write(`${codec}.parquet`, rows, `FORMAT parquet, COMPRESSION ${codec}, ROW_GROUP_SIZE 2048`);
      const [row] = (
        await duckdb.runAndReadAll(
          `SELECT count(DISTINCT row_group_id) AS n FROM parquet_metadata('${at(`${codec}.parquet`)}')`,
        )
      ).getRowsJson();
      expect(Number(row?.[0])).toBeGreaterThan(1);
      const { rows: found } = await read({ path: `{${codec}.parquet,none.parquet}`, format: 'parquet' });
      expect(found.map((line) => (JSON.parse(line) as { id: number }).id)).toEqual(
        Array.from({ length: 10_000 }, (_, id) => id),
      );
    },
  );

  (python === undefined ? test.skip : test)(
    'as pyarrow writes it: nested, 256-bit decimals refused, nanoseconds to the microsecond where they have a zone',
    async () => {
      execFileSync(python as string, ['-c', pyarrowWriter, `${folder}/`]);
      expect((await read({ path: 'pyarrow.parquet' })).rows).toEqual([
        '{"nanos":"2026-01-01T00:00:00.123456789+00:00","zoned":"2026-01-01T00:00:00.123456+00:00",' +
          '"money":"-12345678901234567890123456789.123456789","fixed":"AAH/",' +
          '"nested":[{"a":9007199254740993,"b":null}],"map":{"k":1.5},"coded":"x","half":1.5,"none":null}',
      ]);
      expect((await read({ path: 'int96.parquet', columns: ['nanos'] })).rows).toEqual([
        '{"nanos":"2026-01-01T00:00:00.123456+00:00"}',
      ]);
      expect(await rejection(read({ path: 'wide.parquet' }))).toMatchObject({
        code: 'SOURCE_FILE',
        message: expect.stringContaining('"wide" is a decimal of more than 38 digits'),
      });
      expect((await read({ path: 'wide.parquet', columns: ['id'] })).rows).toEqual(['{"id":1}']);
    },
  );

  test('columns are chosen; folders of the path are no columns; an interval takes its rows', async () => {
    mkdirSync(at('year=2026'));
    await write(
      'year=2026/days.parquet',
      `SELECT range AS id, DATE '2026-01-30' + range::INTEGER AS day FROM range(4)`,
      'FORMAT parquet',
    );
    const options = { path: 'year=2026/days.parquet', columns: ['id'], intervalColumn: 'day' } as const;
    const interval = { start: '2026-02-01T00:00:00.000Z', end: '2026-02-02T00:00:00.000Z' };
    expect((await read(options, { interval })).rows).toEqual(['{"id":2}']);
    const error = await rejection(read({ ...options, columns: ['id', 'none'], intervalColumn: 'nil' }));
    expect(error).toMatchObject({ code: 'SOURCE_FILE', message: expect.stringContaining('"none"') });
    expect(error.message).toContain('"nil"');
  });

  test('a file that is cut, damaged, or none is an error that names it and its row, without its content', async () => {
    const whole = await write(
      'whole.parquet',
      `SELECT range AS id, 'secret' || md5(range::VARCHAR) AS text FROM range(80000)`,
      'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048',
    );
    writeFileSync(at('cut.parquet'), whole.subarray(0, -40));
    writeFileSync(at('none.txt'), 'id\n1\n');
    for (const path of ['cut.parquet', 'none.txt'])
      expect(await rejection(read({ path, format: 'parquet' }))).toMatchObject({
        code: 'SOURCE_FILE',
        message: expect.stringMatching(new RegExp(`${path}.*ends before its end`)),
      });
    const damaged = Buffer.from(whole);
    randomBytes(60_000).copy(damaged, Math.floor((damaged.length * 3) / 4));
    writeFileSync(at('damaged.parquet'), damaged);
    const error = await rejection(read({ path: 'damaged.parquet' }));
    expect(error).toMatchObject({
      code: 'SOURCE_FILE',
      message: expect.stringMatching(/damaged\.parquet.*behind row \d+/),
    });
    expect(error.message).not.toMatch(/secret|\/tmp/);
  });

  test('rows of 100 MB come in small pieces from an engine that may keep a third of that', async () => {
    await write(
      'large.parquet',
      `SELECT range AS id, repeat(chr(65 + (range % 26)::INTEGER), 1000) AS text FROM range(100000)`,
      'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480',
    );
    let [rows, bytes, largest] = [0, 0, 0];
    const settings = { path: 'large.parquet', columns: undefined, intervalColumn: undefined };
    for await (const group of readParquet(at('large.parquet'), settings, signal, 32)) {
      const size = group.reduce((sum, record) => sum + record.json().length, 0);
      [rows, bytes, largest] = [rows + group.length, bytes + size, Math.max(largest, size)];
    }
    expect(rows).toBe(100_000);
    expect(bytes).toBeGreaterThan(100_000_000);
    expect(largest).toBeLessThan(300_000);
    expect(await rejection(read({ path: 'large.parquet', maxMb: 20 }))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
    expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
  });
});
