import { peerGaps } from '../../tests/contract/gaps.js';
import { onlyOnAnAccount, warehouseFeatures, warehouses } from './warehouse-features.js';

/** `docs/reference/warehouses.md`: what each warehouse does, and the test of the contract suite that shows it. */
export function warehousesPage(): string {
  const gapOf = (name: keyof typeof peerGaps, title: string): string | undefined =>
    (peerGaps[name] as Readonly<Record<string, string>>)[title];
  const gaps = warehouses.flatMap(({ name, heading }) =>
    Object.entries(peerGaps[name]).map(([title, reason]) => `- ${heading}, “${title}”: ${reason}`),
  );
  return [
    '# Warehouses',
    '',
    'Generated from `scripts/docs/warehouse-features.ts` and `tests/contract/gaps.ts` by `npm run docs`. Every row is a test of one',
    'suite, `tests/contract/suite`, which runs on each warehouse or on the server that plays it; ✓ where that test runs, a dash where',
    'the player (not the warehouse) lacks something. `.ci/run` runs all three. How to use them:',
    '[warehouses](../guides/warehouses.md).',
    '',
    `| | ${warehouses.map(({ heading }) => heading).join(' | ')} | test |`,
    `| --- | ${warehouses.map(() => ':-:').join(' | ')} | --- |`,
    ...warehouseFeatures.map(
      ({ feature, file, title }) =>
        `| ${feature} | ${warehouses.map(({ name }) => (gapOf(name, title) === undefined ? '✓' : '–')).join(' | ')} | \`${file}\` › ${title} |`,
    ),
    '',
    '## What runs the suite',
    '',
    ...warehouses.map(({ heading, player, test }) => `- ${heading}: ${player}, \`${test}\``),
    '',
    'The emulator of BigQuery takes minutes to build with Go, once: `npm test` runs its column where that was done before, and',
    '`MILLRACE_TEST_BIGQUERY=1`, which `.ci/run` sets, has it done. `MILLRACE_TEST_BIGQUERY=0` leaves it out.',
    '',
    '## What the players lack',
    '',
    ...gaps,
    '',
    '## What only a real account can show',
    '',
    ...onlyOnAnAccount.map((line) => `- ${line}`),
    '',
  ].join('\n');
}
