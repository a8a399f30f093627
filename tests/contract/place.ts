import type { AskedStatement } from '../peers/peers.js';
import type { TestParts } from '../helpers/warehouse.js';
import type { Warehouse } from '../../connectors/warehouse.js';

/** A kind of warehouse under contract, and how to get an empty one of it. */
export interface WarehouseUnderContract {
  readonly name: string;
  /** What the peer (not the warehouse) cannot do, by the name of the test that it would fail. */
  readonly gaps: Readonly<Record<string, string>>;
  /** Longest text that the peer takes. */
  readonly textMaxBytes: number;
  /** What a server was asked for so far, in order; a warehouse within this process has none. */
  asked?(): Promise<readonly AskedStatement[]>;
  /** An empty place; every call of what it returns is another worker there. */
  fresh(): Promise<(parts: TestParts) => Warehouse>;
}
