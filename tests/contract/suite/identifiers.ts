import { describe, expect } from '@jest/globals';
import { isPipelineError } from '../../../core/errors/index.js';
import { column } from '../../helpers/warehouse.js';
import type { Contract } from './contract.js';

const key = [column('id', 'int64'), column('version', 'int64')];
const hostile = [
  'with "quotes"',
  "with 'quotes'",
  'with `ticks`',
  'with.dots',
  'with space',
  'Größe_漢字',
  'select',
  'order',
  'table',
  'a"; DROP TABLE items; --',
  'x'.repeat(300),
  '../../etc/passwd',
  'tab\there',
  'zero\u200bwidth',
  '',
  '_millrace_load_id',
];

/** Names that are refused with a reason, or quoted; never harmful. */
export function identifierContract({ house, it, kind }: Contract): void {
  describe('identifiers', () => {
    it('a hostile column name is refused or stored as it is, and the table is still there', async () => {
      await house().load({ columns: key, rows: [{ id: 0, version: 1 }] });
      let stored = 0;
      for (const [index, name] of hostile.entries()) {
        const load = house().load({
          columns: [...key, column(name, 'string')],
          // A staged file cannot hold a column without a name; the refusal comes from the columns alone.
          rows: name === '' ? [] : [{ id: index + 1, version: 1, [name]: `value ${String(index)}` }],
        });
        const outcome = await load.then(
          () => 'stored',
          (error: unknown) => (isPipelineError(error) ? error.code : String(error)),
        );
        expect([name, outcome]).toEqual([name, expect.stringMatching(/^(stored|IDENTIFIER_REFUSED)$/)]);
        if (outcome !== 'stored') continue;
        stored += 1;
        const found = (await house().warehouse.tableColumns('items')) ?? [];
        expect(found.map((one) => one.name)).toContain(name);
      }
      expect(stored).toBeGreaterThanOrEqual(4);
      expect(await house().rows('SELECT count(*) AS n FROM items')).toEqual([{ n: String(stored + 1) }]);
    });

    it('a hostile table name is refused or stored as it is', async () => {
      await house().load({ columns: key, rows: [{ id: 0, version: 1 }] });
      for (const [index, name] of [...hostile, 'items-2', 'Items_3'].entries()) {
        const loadId = `load${String(index)}`;
        const outcome = await house()
          .load({ columns: key, config: { into: name }, rows: [{ id: 1, version: 1 }], loadId })
          .then(
            () => 'stored',
            (error: unknown) => (isPipelineError(error) ? error.code : String(error)),
          );
        expect([name, outcome]).toEqual([name, expect.stringMatching(/^(stored|IDENTIFIER_REFUSED)$/)]);
        if (outcome !== 'stored') continue;
        const found = (await house().warehouse.tableColumns(name))?.map((one) => one.name) ?? [];
        expect([name, found]).toEqual([name, expect.arrayContaining(['id', 'version'])]);
      }
      expect(await house().rows('SELECT count(*) AS n FROM items')).toEqual([{ n: '1' }]);
    });

    it('values of rows, cursors, ids and quarantine are in no statement that a server was asked for', async () => {
      const mark = 'sentinel';
      const evil = `${mark}'); DROP TABLE items; --"\\`;
      const columns = [...key, column('value', 'string')];
      const reject = { code: 'RECORD_INVALID', pointer: '/id', message: evil, raw: evil, position: 1 };
      const request = await house().request({
        columns,
        rows: [{ id: 1, version: 1, value: evil }],
        rejects: [reject],
        cursor: evil,
      });
      await house().warehouse.load({
        ...{ ...request, dagId: evil, taskId: evil, workflowId: evil, runId: evil },
        settlesQuarantineIds: [evil],
      });
      await house().warehouse.latestCursor(evil, evil);
      await house().warehouse.quarantinedRows([evil]);
      const asked = (await kind.asked?.()) ?? [];
      expect(asked.length > 0).toBe(house().warehouse.capabilities.isShared);
      expect(asked.filter(({ sql }) => sql.includes(mark))).toEqual([]);
      expect(await house().rows('SELECT value FROM items')).toEqual([{ value: evil }]);
      expect(await house().rows('SELECT raw, message, dag_id FROM _millrace_quarantine')).toEqual([
        { raw: evil, message: evil, dag_id: evil },
      ]);
    });

    it('hostile values of a load go nowhere but into its rows', async () => {
      const evil = `x'); DROP TABLE items; --"\\`;
      const request = await house().request({ columns: key, rows: [{ id: 1, version: 1 }], cursor: evil });
      const marker = await house().warehouse.load({
        ...request,
        dagId: evil,
        taskId: evil,
        workflowId: evil,
        runId: evil,
      });
      expect(marker.cursor).toEqual({ taskId: 'pull', value: evil });
      expect(await house().warehouse.latestCursor(evil, 'pull')).toEqual({ taskId: 'pull', value: evil });
      expect(await house().warehouse.latestCursor(evil, evil)).toBeUndefined();
      expect(await house().rows('SELECT dag_id, workflow_id FROM _millrace_loads')).toEqual([
        { dag_id: evil, workflow_id: evil },
      ]);
    });
  });
}
