import type { LoadConfig } from '../../core/dag/dag-spec.js';
import type { FlowField } from './fields.js';

/** What a load task writes, and where it comes from. */
export interface FlowTable {
  readonly taskId: string;
  readonly table: string;
  readonly disposition: LoadConfig['disposition'];
  readonly key: readonly string[];
  readonly version: readonly string[];
  /** Extract tasks whose rows arrive here. */
  readonly sources: readonly string[];
  /** The record schema that the rows are checked with last. */
  readonly schema: string | null;
  /** Share of rows (0 to 1) that may be quarantined before the load stops. */
  readonly quarantineOver: number | null;
  /** Null where no schema describes the rows as they are loaded. */
  readonly fields: readonly FlowField[] | null;
}
