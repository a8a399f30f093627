import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createSource } from '../../connectors/file/index.js';
import { file, type FileOptions } from '../../connectors/file/reference.js';
import type { DataInterval } from '../../core/interval.js';
import { readAll, rejection } from './read-all.js';
import { expectResumes, readUntil } from './read-resumed.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-file-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function month(index: number): DataInterval {
  const at = (month: number): string => new Date(Date.UTC(1997, month, 1)).toISOString();
  return { start: at(index), end: at(index + 1) };
}

async function records(
  content: string | Uint8Array,
  options: Omit<FileOptions, 'path'>,
  interval?: DataInterval,
) {
  await writeFile(join(directory, 'in.txt'), content);
  const { options: plain } = file.records({ path: 'in.txt', ...options });
  const read = { options: plain, ...(interval && { interval }) };
  const { rows } = await readAll(createSource({ projectDirectory: directory }), read);
  return rows.map((row) => JSON.parse(row) as Record<string, unknown>);
}

test.each([{}, { cursor: null }])(
  'a read that is cut behind a file goes on with the next one, unless what it has read changed',
  async (more) => {
    const source = createSource({ projectDirectory: directory });
    const write = async (name: string, atMs: number): Promise<void> => {
      await writeFile(join(directory, name), `{"of":"${name}"}\n{"of":"${name}","again":true}\n`);
      await utimes(join(directory, name), atMs / 1_000, atMs / 1_000);
    };
    for (let index = 0; index < 4; index += 1) await write(`in-${String(index)}.ndjson`, 1e12 + index * 1e6);
    const request = { options: file.records({ path: 'in-*.ndjson', format: 'ndjson' }).options, ...more };
    expect(await expectResumes(source, request, () => [])).toBe(4);
    const { resume } = (await readUntil(source, request, 2))!;
    await write('in-0.ndjson', 1e12 + 9e6);
    expect(await rejection(readAll(source, { ...request, resume: resume! }))).toMatchObject({
      code: 'SOURCE_RESUME',
    });
  },
);

describe('the purchase history', () => {
  const projectDirectory = fileURLToPath(new URL('../..', import.meta.url));
  const source = createSource({ projectDirectory });
  const { options } = file.records({
    path: 'dags/data/cdnow-purchases.txt',
    format: 'whitespace',
    intervalColumn: 'date',
    compactDates: ['date'],
  });

  test('eighteen monthly intervals hold every line once and add up to the known answers', async () => {
    const lines = new Set<number>();
    const customers = new Set<string>();
    let transactions = 0;
    let misplaced = 0;
    let cds = 0n;
    let cents = 0n;
    for (let index = 0; index < 18; index += 1) {
      const interval = month(index);
      for (const row of (await readAll(source, { options, interval })).rows) {
        const purchase = JSON.parse(row) as Record<
          'customer_id' | 'date' | 'number_of_cds' | 'dollar_value',
          string
        > & {
          line: number;
        };
        if (purchase.date < interval.start.slice(0, 10) || purchase.date >= interval.end.slice(0, 10))
          misplaced += 1;
        transactions += 1;
        lines.add(purchase.line);
        customers.add(purchase.customer_id);
        cds += BigInt(purchase.number_of_cds);
        cents += BigInt(purchase.dollar_value.replace('.', ''));
      }
    }
    expect({ transactions, customers: customers.size, cds, cents }).toEqual({
      transactions: 69_659,
      customers: 23_570,
      cds: 167_881n,
      cents: 250_031_563n,
    });
    expect(misplaced).toBe(0);
    expect(lines.size).toBe(69_659);
    expect([Math.min(...lines), Math.max(...lines)]).toEqual([2, 69_660]);
  });

  test('the months before and after hold nothing', async () => {
    for (const index of [-1, 18])
      expect((await readAll(source, { options, interval: month(index) })).rows).toEqual([]);
  });
});

describe('formats', () => {
  test('CSV: quotes, line breaks inside them, another delimiter, short and long rows, values as text', async () => {
    const text = '\uFEFFid;name;price\r\n1;"a;""b""\nc";1.10\r\n\r\n007;=x\r\n9007199254740993;y;2;3;4\r\n';
    expect(await records(text, { format: 'csv', delimiter: ';' })).toEqual([
      { line: 3, id: '1', name: 'a;"b"\nc', price: '1.10' },
      { line: 5, id: '007', name: '=x' },
      { line: 6, id: '9007199254740993', name: 'y', price: '2', _extra: ['3', '4'] },
    ]);
  });

  test('CSV whose quote never ends is refused with the line, without its content', async () => {
    const error = await rejection(records('id,name\n1,"secret words\n', { format: 'csv' }));
    expect(error['code']).toBe('SOURCE_FILE');
    expect(error.message).toMatch(/CSV_QUOTE_NOT_CLOSED/);
    expect(error.message).not.toContain('secret');
  });

  test('fixed columns', async () => {
    const options = {
      format: 'fixed',
      header: false,
      columns: ['id', 'day', 'name'],
      widths: [3, 9, 6],
    } as const;
    expect(
      await records(' 12 19970131 Ada\n  3 19970230 Bob   tail\n', { ...options, compactDates: ['day'] }),
    ).toEqual([
      { line: 1, id: '12', day: '1997-01-31', name: 'Ada' },
      { line: 2, id: '3', day: '19970230', name: 'Bob', _extra: ['tail'] },
    ]);
  });

  test('NDJSON passes byte for byte, blank lines left out', async () => {
    await writeFile(
      join(directory, 'in.txt'),
      '{"id":9007199254740993, "a":1.10}\r\n\n  \nnot json\n{"b":2}',
    );
    const { options } = file.records({ path: 'in.txt', format: 'ndjson' });
    const { rows } = await readAll(createSource({ projectDirectory: directory }), { options });
    expect(rows).toEqual(['{"id":9007199254740993, "a":1.10}', 'not json', '{"b":2}']);
  });

  test('gzip is seen from the content', async () => {
    expect(await records(gzipSync('a b\n1 2\n'), { format: 'whitespace' })).toEqual([
      { line: 2, a: '1', b: '2' },
    ]);
  });

  test('damaged gzip is refused', async () => {
    const packed = gzipSync('a b\n'.repeat(1_000));
    const error = await rejection(records(packed.subarray(0, packed.length - 9), { format: 'whitespace' }));
    expect(error['code']).toBe('SOURCE_FILE');
  });

  test('a column named __proto__ is a column', async () => {
    const [row] = await records('__proto__ b\n1 2\n', { format: 'whitespace' });
    expect(Object.keys(row ?? {})).toEqual(['line', '__proto__', 'b']);
  });
});

describe('intervals', () => {
  test('half-open; a line without a readable date goes with the line before it', async () => {
    const text =
      'day v\n1997-01-31 a\n?? b\n1997-02-01 c\n19970299 d\n1997-02-28T23:59:59.999Z e\n1997-03-01 f\n';
    const options = { format: 'whitespace', intervalColumn: 'day' } as const;
    const values = async (index: number) =>
      (await records(text, options, month(index))).map((row) => row['v']);
    expect(await values(0)).toEqual(['a', 'b']);
    expect(await values(1)).toEqual(['c', 'd', 'e']);
    expect(await values(2)).toEqual(['f']);
  });

  test('NDJSON by a member', async () => {
    const text = '{"day":"1997-01-05"}\n{"day":"1997-02-05T00:30:00+01:00"}\n';
    expect(await records(text, { format: 'ndjson', intervalColumn: 'day' }, month(1))).toHaveLength(1);
  });

  test('reading by interval without a column is refused', async () => {
    expect((await rejection(records('a\n1\n', { format: 'csv' }, month(0))))['code']).toBe('CONFIG_INVALID');
  });
});

describe('files', () => {
  const read = (path: string, base = directory) =>
    readAll(createSource({ projectDirectory: base }), {
      options: file.records({ path, format: 'csv' }).options,
    });

  test('a missing file and a directory are SOURCE_FILE', async () => {
    expect(await rejection(read('none.csv'))).toMatchObject({
      code: 'SOURCE_FILE',
      message: expect.stringContaining('ENOENT'),
    });
    await mkdir(join(directory, 'folder'));
    expect(await rejection(read('folder'))).toMatchObject({ code: 'SOURCE_FILE' });
  });

  test.each(['../outside.csv', '/etc/hostname', 'link.csv'])(
    '%s lies outside and is refused',
    async (path) => {
      const inside = join(directory, 'project');
      await mkdir(inside);
      await writeFile(join(directory, 'outside.csv'), 'a\n1\n');
      await symlink(join(directory, 'outside.csv'), join(inside, 'link.csv'));
      const error = await rejection(read(path, inside));
      expect(error['code']).toBe('SOURCE_FILE');
      expect(error.message).not.toContain(directory);
    },
  );

  test('all problems of the options are named at once', async () => {
    const options = { format: 'xml', delimiter: '::', header: false };
    const error = await rejection(readAll(createSource({ projectDirectory: directory }), { options }));
    for (const name of ['path', 'format', 'delimiter', 'columns'])
      expect(error.message).toContain(`"${name}"`);
  });

  test('a line of 40 MB is passed on cut, for the quarantine, and the lines around it whole', async () => {
    const text = `{"a":1}\n{"a":"${'x'.repeat(40 * 1024 * 1024)}"}\n{"a":2}\n`;
    await writeFile(join(directory, 'in.txt'), text);
    const { options } = file.records({ path: 'in.txt', format: 'ndjson' });
    const { rows } = await readAll(createSource({ projectDirectory: directory }), { options });
    expect(rows.map((row) => row.length)).toEqual([7, 16 * 1024 * 1024 + 1, 7]);
  });
});
