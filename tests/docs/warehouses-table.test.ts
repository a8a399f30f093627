import { describe, expect, test } from '@jest/globals';
import { warehouseFeatures, warehouses } from '../../scripts/docs/warehouse-features.js';
import { listFiles, readText } from '../architecture/source-tree.js';
import { peerGaps } from '../contract/gaps.js';

const suite = (file: string) => readText(`tests/contract/suite/${file}`).replaceAll(/\s+/g, ' ');
const hasTest = (text: string, title: string) =>
  ["'", '`', '"'].some((quote) => text.includes(`${quote}${title}`));

describe('the matrix of warehouses', () => {
  test.each(warehouseFeatures.map((feature) => [feature.feature, feature] as const))(
    '%s: its test exists',
    (_name, { file, title }) => {
      expect(hasTest(suite(file), title)).toBe(true);
    },
  );

  test('has a column for every warehouse, each with a file that runs the suite with the gaps shown', () => {
    const found = listFiles((path) => /^connectors\/[\w-]+\/warehouse\.ts$/.test(path));
    expect(warehouses.map(({ name }) => `connectors/${name}/warehouse.ts`).sort()).toEqual(found.sort());
    for (const { name, test: file } of warehouses) {
      expect(readText(file)).toContain(`gaps: peerGaps.${name},`);
      expect(readText(file)).toContain('warehouseContract({');
    }
  });

  test('every gap is a test of the suite', () => {
    const text = listFiles((path) => path.startsWith('tests/contract/suite/'))
      .map(readText)
      .join(' ');
    for (const title of Object.values(peerGaps).flatMap((gaps) => Object.keys(gaps)))
      expect([title, hasTest(text, title)]).toEqual([title, true]);
  });

  test('every part of the suite has a row', () => {
    const parts = listFiles((path) => path.startsWith('tests/contract/suite/'))
      .map((path) => path.split('/').at(-1))
      .filter((name) => name !== 'contract.ts');
    expect([...new Set(warehouseFeatures.map(({ file }) => file))].sort()).toEqual(parts.sort());
  });
});
