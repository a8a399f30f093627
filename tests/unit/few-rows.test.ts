import { expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fewRows } from '../../connectors/snowflake/few-rows.js';
import { limits } from '../../core/limits.js';
import { temporaryFolder } from '../helpers/folder.js';
import { column } from '../helpers/warehouse.js';

const folder = temporaryFolder();
const columns = [column('id', 'int64'), column('value', 'string')];

function staged(texts: readonly string[]) {
  const path = join(folder, 'rows.csv.gz');
  writeFileSync(path, gzipSync(texts.map((text, id) => `${String(id)},"${text}"\n`).join('')));
  return { columns, path, rows: texts.length };
}

test('small rows travel as binds, with NULL and the empty text apart', async () => {
  const path = join(folder, 'small.csv.gz');
  writeFileSync(path, gzipSync('1,""\n2,\n3,"a ""b"" ,\nc"\n'));
  expect(await fewRows({ columns, path, rows: 3 })).toEqual([
    ['1', ''],
    ['2', null],
    ['3', 'a "b" ,\nc'],
  ]);
});

test('rows that are small only while they are packed travel as a file, however large they are', async () => {
  const half = 'x'.repeat(limits.warehouseBindMaxBytes / 2);
  expect(await fewRows(staged([half]))).toEqual([['0', half]]);
  expect(await fewRows(staged([half, half]))).toBeUndefined();
  const large = 'x'.repeat(limits.recordMaxBytes);
  expect(await fewRows(staged([large, large, large]))).toBeUndefined();
});

test('a file that is not what it was written as is an error', async () => {
  const path = join(folder, 'cut.csv.gz');
  writeFileSync(path, gzipSync('1,"a"\n').subarray(0, 12));
  await expect(fewRows({ columns, path, rows: 1 })).rejects.toThrow(/unexpected end/);
});
