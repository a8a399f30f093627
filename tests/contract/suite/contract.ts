import { afterEach, beforeEach, describe, test } from '@jest/globals';
import { temporaryFolder } from '../../helpers/folder.js';
import { TestWarehouse } from '../../helpers/warehouse.js';
import type { WarehouseUnderContract } from '../place.js';
import { checksumContract } from './checksums.js';
import { combiningContract } from './combining.js';
import { comparingContract } from './comparing.js';
import { deletionContract } from './deletions.js';
import { differentialContract } from './differential.js';
import { evolutionContract } from './evolution.js';
import { identifierContract } from './identifiers.js';
import { loadingContract } from './loading.js';
import { strategyContract } from './strategies.js';
import { transformContract } from './transforms.js';
import { typeContract } from './types.js';
import { unnestContract } from './unnesting.js';
import { workerContract } from './workers.js';

/** What a part of the suite works with. */
export interface Contract {
  readonly kind: WarehouseUnderContract;
  /** The warehouse of the test that runs, empty at its start. */
  house(): TestWarehouse;
  /** A test of every warehouse; where the peer has a gap of that name, it is skipped, and the page of warehouses says so. */
  it(name: string, body: () => Promise<void>): void;
}

/** The contract that every warehouse keeps. */
export function warehouseContract(kind: WarehouseUnderContract): void {
  const folder = temporaryFolder();
  let house: TestWarehouse | undefined;
  beforeEach(async () => {
    house = await TestWarehouse.open(folder, await kind.fresh());
  });
  afterEach(async () => {
    await house?.close();
    house = undefined;
  });
  const contract: Contract = {
    kind,
    house: () => {
      if (house === undefined) throw new Error('no test runs');
      return house;
    },
    it: (name, body) => {
      if (name in kind.gaps) test.skip(name, body);
      else test(name, body);
    },
  };
  describe(`warehouse contract: ${kind.name}`, () => {
    loadingContract(contract);
    evolutionContract(contract);
    strategyContract(contract);
    deletionContract(contract);
    typeContract(contract);
    identifierContract(contract);
    combiningContract(contract);
    comparingContract(contract);
    checksumContract(contract);
    workerContract(contract);
    differentialContract(contract);
    transformContract(contract);
    unnestContract(contract);
  });
}
