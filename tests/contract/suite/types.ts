import { describe, expect } from '@jest/globals';
import { column } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const key = [column('id', 'int64'), column('version', 'int64')];

/** Values that arrive to the digit. */
export function typeContract({ house, it, kind }: Contract): void {
  const roundTrip = async (
    type: Parameters<typeof column>[1],
    values: readonly unknown[],
    ...size: number[]
  ) => {
    await house().load({
      columns: [...key, column('value', type, ...size)],
      rows: values.map((value, id) => ({ id, version: 1, value })),
    });
    const rows = await house().rows('SELECT id, value FROM items ORDER BY id');
    return rows.map(({ value }) => value);
  };

  describe('types', () => {
    it('whole numbers beyond 2^53', async () => {
      const values = ['820982911946154508', '9223372036854775807', '-9223372036854775808', '0', null];
      expect(await roundTrip('int64', values)).toEqual(values);
    });

    it('decimals of 38 digits', async () => {
      const values = ['12345678901234567890123456789.123456789', '-0.000000001', null];
      const found = await roundTrip('decimal', values, 38, 9);
      expect(found).toEqual(values);
      const whole = await house().warehouse.tableColumns('items');
      expect(whole?.find(({ name }) => name === 'value')).toMatchObject({
        type: 'decimal',
        precision: 38,
        scale: 9,
      });
    });

    it('whole decimals of 38 digits', async () => {
      const values = ['99999999999999999999999999999999999999', '-99999999999999999999999999999999999999'];
      expect(await roundTrip('decimal', values, 38, 0)).toEqual(values);
    });

    it('instants to the microsecond, before 1970 too', async () => {
      const values = [
        '2026-02-01 10:00:00.123456',
        '1969-12-31 23:59:59.999999',
        '2026-02-01 10:00:00',
        null,
      ];
      expect(await roundTrip('timestamp', values)).toEqual(values);
    });

    it('values that a column has are found by their text', async () => {
      const values = [column('text', 'string'), column('amount', 'decimal', 18, 2)];
      await house().load({
        columns: [...key, ...values],
        rows: [{ id: 1, version: 1, text: "it's ü", amount: '10.50' }],
      });
      const found = (name: string, ...texts: string[]) =>
        house().warehouse.existingValues('items', name, texts);
      expect(await found('id', '1', '2')).toEqual(['1']);
      expect(await found('text', "it's ü", "' OR 1=1 --")).toEqual(["it's ü"]);
      expect(await found('amount', '10.50', '10.51')).toEqual(['10.50']);
      expect(await found('id')).toEqual([]);
    });

    it('values are found by the text of their key', async () => {
      await house().load({
        columns: [...key, column('at', 'timestamp')],
        rows: [
          { id: 1, version: 1, at: '2026-01-31 08:05:00.25' },
          { id: 2, version: 1, at: null },
        ],
      });
      const stored = (name: string, ...keys: string[]) =>
        house().warehouse.storedValues({ table: 'items', key: 'id', column: name, keys });
      expect(await stored('at', '1', '2', '3')).toEqual([['1', '2026-01-31 08:05:00.25']]);
      expect(await stored('at')).toEqual([]);
    });

    it('decimals are found by the text of their key', async () => {
      await house().load({
        columns: [...key, column('amount', 'decimal', 18, 2)],
        rows: [
          { id: 1, version: 1, amount: '10.50' },
          { id: 2, version: 1, amount: null },
        ],
      });
      const request = { table: 'items', key: 'id', column: 'amount', keys: ['1', '2', '3'] };
      expect(await house().warehouse.storedValues(request)).toEqual([['1', '10.50']]);
    });

    it('dates', async () => {
      const values = ['2024-02-29', '1900-01-01', null];
      expect(await roundTrip('date', values)).toEqual(values);
    });

    it('booleans', async () => {
      expect(await roundTrip('boolean', [true, false, null])).toEqual([true, false, null]);
    });

    it('doubles', async () => {
      const values = [1.5, -0.1, 1e300, 5e-324, null];
      expect(await roundTrip('double', values)).toEqual(values);
    });

    it('bytes', async () => {
      const values = [Buffer.from([0, 1, 2, 255]).toString('base64'), '', null];
      await house().load({
        columns: [...key, column('value', 'bytes')],
        rows: values.map((value, id) => ({ id, version: 1, value })),
      });
      const hex = { duckdb: 'hex(value)', snowflake: 'HEX_ENCODE(value)', bigquery: 'UPPER(TO_HEX(value))' };
      const rows = await house().rows(
        `SELECT ${hex[kind.name.split(' ')[0] as keyof typeof hex]} AS value FROM items ORDER BY id`,
      );
      expect(rows.map(({ value }) => value)).toEqual(['000102FF', '', null]);
    });

    it('JSON, letter by letter', async () => {
      const values = [
        '{"z":1,"a":[1.10,null,"é"],"n":123456789012345678901234567890.1}',
        '[]',
        '"text"',
        null,
      ];
      expect(await roundTrip('json', values)).toEqual(values);
    });

    it('an empty text, NULL and odd letters', async () => {
      const values = [
        '',
        null,
        'NULL',
        '\\N',
        ' spaces ',
        'line\nbreak\r\ntab\t',
        'quote " and \' and `',
        'comma, semicolon; backslash \\',
        'ünïcödé 漢字 🎉 e\u0301',
        "'); DROP TABLE items; --",
      ];
      expect(await roundTrip('string', values)).toEqual(values);
    });

    it('a long text', async () => {
      const text = `${'é'.repeat(kind.textMaxBytes / 2 - 8)}end`;
      await house().load({
        columns: [...key, column('value', 'string')],
        rows: [{ id: 1, version: 1, value: text }],
      });
      const [found] = await house().rows('SELECT value FROM items');
      expect(found?.['value'] === text).toBe(true);
    });

    it('many rows', async () => {
      const rows = Array.from({ length: 5_000 }, (_, id) => ({ id, version: 1, value: `v${String(id)}` }));
      const { counts } = await house().load({ columns: [...key, column('value', 'string')], rows });
      expect(counts).toMatchObject({ extracted: 5_000, loaded: 5_000 });
      expect(await house().rows('SELECT count(*) AS n, max(id) AS s FROM items')).toEqual([
        { n: '5000', s: '4999' },
      ]);
    });

    it('each logical type comes back as itself', async () => {
      const columns = (['string', 'int64', 'double', 'boolean', 'timestamp', 'date', 'bytes'] as const).map(
        (type) => column(`c_${type}`, type),
      );
      await house().load({
        columns: [...key, ...columns, column('c_decimal', 'decimal', 12, 2)],
        rows: [{ id: 1, version: 1 }],
      });
      const found = (await house().warehouse.tableColumns('items')) ?? [];
      for (const { name, type } of columns)
        expect([name, found.find((one) => one.name === name)?.type]).toEqual([name, type]);
      expect(found.find(({ name }) => name === 'c_decimal')).toMatchObject({ precision: 12, scale: 2 });
    });
  });
}
