import { describe, expect } from '@jest/globals';
import fc from 'fast-check';
import type { StagedFile } from '../../../core/loading/manifest.js';
import type { ComparedColumn, ReconcileWindow } from '../../../core/reconcile/reconcile.js';
import type { ChecksumCompareRequest } from '../../../connectors/warehouse.js';
import {
  bucketIn,
  bucketsOf,
  checksumColumns,
  doubleOf,
  doubleText,
  hashOf,
  textRows,
  type TextRow,
} from '../../helpers/checksum-oracle.js';
import { column } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const byId = checksumColumns.slice(0, 1);
const byTexts = [...checksumColumns.slice(2, 3), ...byId];
const version = checksumColumns.slice(1, 2);
const modulus = 7;

/** Checksums of a table beside those that a source would have computed. */
export function checksumContract({ house, it }: Contract): void {
  const load = (rows: readonly TextRow[], into: string) =>
    house().load({
      columns: checksumColumns.map(({ type }) => type),
      config: { into },
      rows: rows.map((row) => ({
        ...row,
        is_open: row['is_open'] && row['is_open'] === 't',
        ratio: doubleOf(row['ratio']),
      })),
    });
  const stage = (lines: readonly object[]): Promise<StagedFile> =>
    house().staging.write(
      [Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))],
      lines.length,
    );
  const requestOf = async (
    into: string,
    key: readonly ComparedColumn[],
    lines: readonly object[],
  ): Promise<ChecksumCompareRequest> => ({
    config: (await house().request({ columns: [], rows: [], config: { into } })).config,
    ...{ key, version, columns: checksumColumns, modulus, maxSamples: 5, keyNames: [['id']] },
    source: [await stage(lines)],
  });
  const checksums = () => {
    const { checksums: own } = house().warehouse;
    if (own === undefined) throw new Error('no checksums');
    return own;
  };
  const compareBuckets = async (
    rows: readonly TextRow[],
    into: string,
    key: readonly ComparedColumn[],
    window?: ReconcileWindow,
  ) =>
    checksums().compareBuckets({
      ...(await requestOf(into, key, bucketsOf(rows, key, checksumColumns, modulus))),
      ...(window === undefined ? {} : { window }),
    });
  const text = (row: TextRow, columns: readonly ComparedColumn[], letter: string) =>
    Object.fromEntries(columns.map(({ name }, index) => [`${letter}${String(index)}`, row[name] ?? null]));
  const content = checksumColumns.filter(({ name }) => name !== 'version');
  const keysOf = (rows: readonly TextRow[], key: readonly ComparedColumn[]) =>
    rows.map((row) => ({
      ...text(row, key, 'k'),
      ...text(row, version, 'v'),
      c: String(hashOf(row, content)),
    }));

  describe('checksums', () => {
    it('random rows have the checksums that the canonical text gives, by bucket', async () => {
      let number = 0;
      await fc.assert(
        fc.asyncProperty(textRows, async (rows) => {
          number += 1;
          const into = `numbered_${String(number)}`;
          await load(rows, into);
          for (const key of [byId, byTexts])
            expect(await compareBuckets(rows, into, key)).toMatchObject({
              rows: 0,
              sourceRows: rows.length,
              warehouseRows: rows.length,
            });
        }),
        { numRuns: 6, seed: 20261129, endOnFailure: true },
      );
    });

    it('random bytes have the checksums of their hexadecimal digits', async () => {
      const columns = [...byId, ...version, { name: 'data', source: 'data', type: column('data', 'bytes') }];
      const bytes = fc.uint8Array({ maxLength: 40 }).map((data) => Buffer.from(data).toString('hex'));
      const [random] = fc.sample(fc.array(fc.option(bytes), { minLength: 30, maxLength: 30 }), {
        numRuns: 1,
        seed: 7,
      });
      const rows = [...(random ?? []), '', '00', 'ff0a5c'].map((data, id): TextRow => ({
        id: String(id),
        version: null,
        data,
      }));
      await house().load({
        columns: columns.map(({ type }) => type),
        rows: rows.map(({ data, ...row }) => ({
          ...row,
          data: typeof data === 'string' ? Buffer.from(data, 'hex').toString('base64') : null,
        })),
      });
      const request = {
        ...(await requestOf('items', byId, bucketsOf(rows, byId, columns, modulus))),
        columns,
      };
      expect(await checksums().compareBuckets(request)).toMatchObject({
        rows: 0,
        warehouseRows: rows.length,
      });
    });

    it('doubles that are no finite numbers have their words', async () => {
      const words = ['NaN', 'Infinity', '-Infinity'];
      const rows = words.map((ratio, id): TextRow => ({ id: String(id), version: null, ratio }));
      await load(rows, 'items');
      expect(await compareBuckets(rows, 'items', byId)).toMatchObject({ rows: 0, warehouseRows: 3 });
    });

    it('a double that differs in its last bit, and minus zero, which differs from zero in nothing', async () => {
      const row = (id: number, value: number): TextRow => ({
        ...{ id: String(id), version: null, ratio: doubleText(value) },
      });
      await load([row(1, 0.3), { ...row(2, 0), ratio: '-0' }], 'items');
      const found = (first: number) => compareBuckets([row(1, first), row(2, 0)], 'items', byId);
      expect(await found(0.3)).toMatchObject({ rows: 0, file: { rows: 0 } });
      expect(await found(0.1 + 0.2)).toMatchObject({ rows: 1, file: { rows: 1 } });
    });

    it('of a time, rows whose version is of it are compared, and a row whose version has moved is seen', async () => {
      const day = (number: number) => `2026-01-0${String(number)} 00:00:00`;
      const row = (id: number, at = id, value = 'a'): TextRow => ({
        ...{ id: String(id), version: day(at), note: value, amount: null },
        ...{ is_open: null, seen_at: null, day: null },
      });
      const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9];
      await load(
        ids.map((id) => row(id)),
        'items',
      );
      const source = ids.map((id) =>
        id === 2
          ? row(2, 2, 'before')
          : id === 4
            ? row(4, 9, 'moved')
            : id === 8
              ? row(8, 8, 'after')
              : row(id),
      );
      const [ofVersion] = version;
      if (ofVersion === undefined) throw new Error('no version');
      const window = { column: ofVersion, from: '2026-01-03T00:00:00.000Z', to: '2026-01-07T00:00:00.000Z' };
      const ofTime = source.filter(
        (one) => (one['version'] ?? '') >= day(3) && (one['version'] ?? '') < day(7),
      );
      const { file, ...found } = await compareBuckets(ofTime, 'items', byId, window);
      expect({ ...found, buckets: file.rows }).toEqual({
        ...{ sourceRows: 3, warehouseRows: 4, rows: 1, buckets: 1 },
      });
      const within = source.filter((one) => bucketIn(one, byId, modulus) === '4');
      expect(
        await checksums().compareKeys({
          ...(await requestOf('items', byId, keysOf(within, byId))),
          ...{ window, within: { file, modulus }, inFlightSince: '9999-01-01T00:00:00.000Z' },
        }),
      ).toMatchObject({ ...{ missing: 0, extra: 0, changed: 1 }, samples: { changed: ['["4"]'] } });
    });

    it('keys of the buckets that differ are told apart by kind, records in quarantine aside', async () => {
      const row = (id: number, more: TextRow = {}): TextRow => ({
        ...{ id: String(id), version: '2026-01-01 00:00:00', note: 'Zoë', amount: '1.5000' },
        ...{ is_open: 't', seen_at: null, day: '2026-02-28', ...more },
      });
      const all = Array.from({ length: 40 }, (_, id) => row(id));
      await load(all, 'items');
      await house().load({
        columns: checksumColumns.map(({ type }) => type),
        rows: [],
        rejects: [{ code: 'RECORD_INVALID', pointer: '/note', message: 'no', raw: '{"id":42}', position: 1 }],
      });
      const source = [
        ...all.filter(({ id }) => id !== '3'),
        ...[row(40), row(41, { version: '2026-03-01 00:00:00.000001' }), row(42)],
      ].map((one) =>
        one['id'] === '5'
          ? { ...one, note: null }
          : one['id'] === '6'
            ? { ...one, version: '2026-01-02 00:00:00' }
            : one,
      );
      const { file, rows } = await compareBuckets(source, 'items', byId);
      expect(rows).toBeGreaterThan(6);
      const buckets = new Set(
        [...source, ...all]
          .filter(({ id }) => ['3', '5', '6', '40', '41', '42'].includes(id ?? ''))
          .map((one) => bucketIn(one, byId, modulus)),
      );
      expect(file.rows).toBe(buckets.size);
      const within = source.filter((one) => buckets.has(bucketIn(one, byId, modulus)));
      expect(
        await checksums().compareKeys({
          ...(await requestOf('items', byId, keysOf(within, byId))),
          within: { file, modulus },
          inFlightSince: '2026-02-01T00:00:00.000Z',
        }),
      ).toMatchObject({
        ...{ missing: 1, extra: 1, changed: 1, timestampOnly: 1, inFlight: 1 },
        samples: { missing: ['["40"]'], extra: ['["3"]'], changed: ['["5"]'], timestampOnly: ['["6"]'] },
        differences: { rows: 4 },
      });
    });
  });
}
