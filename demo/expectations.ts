import type { DemoReport } from './report.js';

/** Known answers of the purchase history, from the paper that published it; see `dags/data/README.md`. */
const knownPurchases = {
  transactions: 69_659,
  customers: 23_570,
  cds: 167_881,
  amountUsd: '2500315.63',
} as const;

/** What the outside world holds, by table. */
export type Truth = Readonly<Record<string, number>>;

/** Everything in which the report differs from what was sent; empty when all is well. */
export function differences(report: DemoReport, truth: Truth, invalid: number): string[] {
  const found: string[] = [];
  const expect = (what: string, actual: unknown, expected: unknown) => {
    if (actual !== expected) found.push(`${what} is ${String(actual)}, expected ${String(expected)}`);
  };
  for (const [name, value] of Object.entries(knownPurchases)) {
    expect(`purchases.${name}`, report.purchases[name as keyof typeof knownPurchases], value);
  }
  for (const [table, rows] of Object.entries({ purchases: knownPurchases.transactions, ...truth })) {
    expect(`rows of ${table}`, report.tables.find(({ name }) => name === table)?.rows ?? 0, rows);
  }
  expect('quarantined rows', report.quarantine.rows, invalid);
  for (const { dag, status, missing, extra, changed } of report.reconcile) {
    expect(
      `reconcile of ${dag} (missing ${String(missing)}, extra ${String(extra)}, changed ${String(changed)})`,
      status,
      'clean',
    );
  }
  for (const dag of report.dags) {
    const { id, extracted, loaded, unchanged, superseded, quarantined, withheld } = dag;
    expect(
      `${id}: loaded + unchanged + superseded + quarantined + withheld`,
      loaded + unchanged + superseded + quarantined + withheld,
      extracted,
    );
  }
  return found;
}
