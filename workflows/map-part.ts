import type { DagSpec, TaskSpec } from '../core/dag/dag-spec.js';
import type { StagedFile } from '../core/loading/manifest.js';
import type { StageContext } from '../core/run/run.js';
import type { Surroundings } from './interpretation.js';
import type { MappedTasks } from './map-instances.js';

/** Input of the `mapTasks` workflow: consecutive instances of a mapped task or group. */
export interface MapTasksInput {
  readonly tasks: readonly TaskSpec[];
  readonly context: StageContext;
  readonly schedule: DagSpec['schedule'];
  readonly elements: StagedFile;
  readonly firstIndex: number;
  readonly count: number;
  readonly parallel: number;
  readonly surroundings: Surroundings;
}

/** The `mapTasks` workflow, as a run starts it. */
export type MapTasks = (input: MapTasksInput) => Promise<MappedTasks>;
