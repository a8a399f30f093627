import { describe, expect } from '@jest/globals';
import type { LoadConfig } from '../../../core/dag/dag-spec.js';
import { column } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const columns = [column('id', 'int64'), column('version', 'int64'), column('value', 'string')];
const row = (id: number, version: number, value: string) => ({ id, version, value });

/** Strategies of `merge` beside the guarded upsert, and deletion by a column. */
export function strategyContract({ house, it }: Contract): void {
  const items = () => house().rows('SELECT id, version, value FROM items ORDER BY id, version');

  describe('insert-only', () => {
    const config: Partial<LoadConfig> = { strategy: 'insert-only' };

    it('insert-only adds new keys and touches no stored row', async () => {
      await house().load({ columns, config, rows: [row(1, 1, 'a')] });
      const { counts } = await house().load({
        columns,
        config,
        rows: [row(1, 9, 'newer'), row(2, 1, 'b'), row(2, 2, 'b2')],
        deletes: [{ id: 1, version: 99 }],
      });
      expect(counts).toMatchObject({ extracted: 4, loaded: 1, superseded: 3 });
      expect(await items()).toEqual([
        { id: '1', version: '1', value: 'a' },
        { id: '2', version: '2', value: 'b2' },
      ]);
      const again = await house().load({ columns, config, rows: [row(1, 1, 'a')], loadId: 'again' });
      expect(again.counts).toMatchObject({ unchanged: 1, loaded: 0 });
    });
  });

  describe('delete-insert', () => {
    const byDay = [column('day', 'string'), ...columns];
    const config: Partial<LoadConfig> = { strategy: 'delete-insert', mergeKey: ['day'] };
    const of = (day: string, id: number, version: number, value: string) => ({
      day,
      ...row(id, version, value),
    });
    const days = () => house().rows('SELECT day, id, value FROM items ORDER BY day, id');

    it('delete-insert replaces each group that the batch names, and no other', async () => {
      await house().load({
        columns: byDay,
        config,
        rows: [of('mon', 1, 1, 'a'), of('mon', 2, 1, 'b'), of('tue', 3, 1, 'c')],
      });
      const { counts } = await house().load({
        columns: byDay,
        config,
        rows: [of('mon', 4, 2, 'd'), of('mon', 5, 2, 'e'), of('wed', 6, 2, 'f')],
      });
      expect(counts).toMatchObject({ extracted: 3, loaded: 3 });
      expect(await days()).toEqual([
        { day: 'mon', id: '4', value: 'd' },
        { day: 'mon', id: '5', value: 'e' },
        { day: 'tue', id: '3', value: 'c' },
        { day: 'wed', id: '6', value: 'f' },
      ]);
    });

    it('delete-insert: a late group does not replace a newer one', async () => {
      await house().load({ columns: byDay, config, rows: [of('mon', 1, 5, 'new'), of('tue', 2, 1, 'old')] });
      const { counts } = await house().load({
        columns: byDay,
        config,
        rows: [of('mon', 9, 4, 'late'), of('mon', 8, 3, 'later'), of('tue', 7, 2, 'newer')],
      });
      expect(counts).toMatchObject({ loaded: 1, superseded: 2 });
      expect(await days()).toEqual([
        { day: 'mon', id: '1', value: 'new' },
        { day: 'tue', id: '7', value: 'newer' },
      ]);
    });

    it('delete-insert: a row without its group goes to quarantine', async () => {
      const { counts } = await house().load({
        columns: byDay,
        config,
        rows: [{ day: null, ...row(1, 1, 'a') }, of('mon', 2, 1, 'b')],
      });
      expect(counts).toMatchObject({ loaded: 1, quarantined: 1 });
    });
  });

  describe('scd2', () => {
    const timed = [column('id', 'int64'), column('changed_at', 'timestamp'), column('value', 'string')];
    const config: Partial<LoadConfig> = { strategy: 'scd2', version: ['changed_at'] };
    const at = (day: number) => `2026-01-0${String(day)} 00:00:00`;
    const version = (id: number, day: number, value: string) => ({ id, changed_at: at(day), value });
    const history = () =>
      house().rows(
        'SELECT id, value, _millrace_valid_from AS valid_from, _millrace_valid_to AS valid_to, _millrace_is_current AS is_current FROM items ORDER BY id, _millrace_valid_from',
      );

    it('scd2 keeps every version with its time of validity', async () => {
      await house().load({ columns: timed, config, rows: [version(1, 1, 'a'), version(1, 3, 'c')] });
      expect(await history()).toEqual([
        { id: '1', value: 'a', valid_from: at(1), valid_to: at(3), is_current: false },
        { id: '1', value: 'c', valid_from: at(3), valid_to: null, is_current: true },
      ]);
      const late = await house().load({
        columns: timed,
        config,
        rows: [version(1, 2, 'b'), version(1, 3, 'c')],
      });
      expect(late.counts).toMatchObject({ loaded: 1, unchanged: 1 });
      expect(await history()).toEqual([
        { id: '1', value: 'a', valid_from: at(1), valid_to: at(2), is_current: false },
        { id: '1', value: 'b', valid_from: at(2), valid_to: at(3), is_current: false },
        { id: '1', value: 'c', valid_from: at(3), valid_to: null, is_current: true },
      ]);
    });

    it('scd2: a deletion ends the last version, a later row begins anew, and an older deletion changes history only', async () => {
      await house().load({ columns: timed, config, rows: [version(1, 1, 'a'), version(2, 1, 'x')] });
      await house().load({
        columns: timed,
        config,
        rows: [],
        deletes: [{ id: 1, changed_at: '2026-01-03T00:00:00Z' }],
      });
      expect(await history()).toEqual([
        { id: '1', value: 'a', valid_from: at(1), valid_to: at(3), is_current: false },
        { id: '2', value: 'x', valid_from: at(1), valid_to: null, is_current: true },
      ]);
      await house().load({ columns: timed, config, rows: [version(1, 5, 'back')] });
      await house().load({
        columns: timed,
        config,
        rows: [],
        deletes: [{ id: 1, changed_at: '2026-01-02T00:00:00Z' }],
      });
      expect(await history()).toEqual([
        { id: '1', value: 'a', valid_from: at(1), valid_to: at(2), is_current: false },
        { id: '1', value: 'back', valid_from: at(5), valid_to: null, is_current: true },
        { id: '2', value: 'x', valid_from: at(1), valid_to: null, is_current: true },
      ]);
    });
  });

  describe('hard delete', () => {
    it('a column that says deleted deletes the row, and keeps older ones out', async () => {
      const flagged = [...columns, column('is_gone', 'boolean')];
      const config: Partial<LoadConfig> = { hardDelete: 'is_gone' };
      const flag = (id: number, v: number, isGone: boolean | null) => ({
        ...row(id, v, 'v'),
        is_gone: isGone,
      });
      await house().load({ columns: flagged, config, rows: [flag(1, 1, false), flag(2, 1, null)] });
      const { counts } = await house().load({ columns: flagged, config, rows: [flag(1, 3, true)] });
      expect(counts).toMatchObject({ loaded: 1 });
      await house().load({ columns: flagged, config, rows: [flag(1, 2, false)] });
      expect(await house().rows('SELECT id FROM items')).toEqual([{ id: '2' }]);
    });

    it('a text column deletes by being there', async () => {
      const dated = [...columns, column('deleted_at', 'timestamp')];
      const config: Partial<LoadConfig> = { hardDelete: 'deleted_at' };
      await house().load({ columns: dated, config, rows: [{ ...row(1, 1, 'a'), deleted_at: null }] });
      await house().load({
        columns: dated,
        config,
        rows: [{ ...row(1, 2, 'a'), deleted_at: '2026-01-01 00:00:00' }],
      });
      expect(await house().rows('SELECT count(*) AS n FROM items')).toEqual([{ n: '0' }]);
    });
  });

  it('options that contradict one another are refused, all at once', async () => {
    const error = await house()
      .load({
        columns,
        config: { disposition: 'append', strategy: 'scd2', hardDelete: 'x', key: [], version: [] },
        rows: [row(1, 1, 'a')],
      })
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'CONTRACT_BROKEN' });
    for (const text of ['"scd2" does not belong', '"hardDelete" belongs'])
      expect(String(error)).toContain(text);
  });
}
