import type { Logger } from 'pino';
import type { StagedSql } from '../connectors/duckdb/staged-sql.js';
import type { ResolvedConnection, Source } from '../connectors/source.js';
import type { StagingStore } from '../connectors/staging.js';
import type { Warehouse } from '../connectors/warehouse.js';
import type { AlarmBook } from '../core/alarms.js';
import type { QualityStore } from '../core/quality/quality.js';
import type { RateBudgets } from '../core/rates/rate-state.js';
import type { JsonValue } from '../core/json.js';
import type { TemporalDags } from './runs/temporal-dags.js';
import type { ValueReader } from './values.js';
import type { AssetService } from './assets/asset-service.js';
import type { PoolService } from './pool-service.js';
import type { FormerRuns } from './runs/recall-run.js';
import type { TemporalRuns } from './runs/temporal-runs.js';
import type { TaskFunctions, TaskLog } from '../core/dag/dag-definition.js';
import type { LedgerWriter } from './ledger/ledger-buffer.js';

/** What a stage needs from the process that runs it; made once by a composition root. */
export interface ActivityDeps {
  readonly staging: StagingStore;
  readonly stagedSql: StagedSql;
  readonly warehouse: Warehouse;
  readonly values: ValueReader;
  readonly runs: TemporalDags;
  /** @throws PipelineError CONNECTOR_UNKNOWN */
  source(connector: string): Promise<Source>;
  /** A named connection; none for no name. @throws PipelineError CONNECTION_UNKNOWN, CONNECTION_INVALID, SECRET_* */
  connection(name: string | undefined): Promise<ResolvedConnection>;
  /** @throws PipelineError FUNCTION_MISSING */
  functions(dagId: string, taskId: string): TaskFunctions;
  readonly temporalRuns: TemporalRuns;
  readonly formerRuns: FormerRuns;
  readonly pools: PoolService;
  readonly assets: AssetService;
  readonly logger: Logger;
  /** Absent where nobody remembers batches: gates let everything through. */
  readonly quality?: QualityStore;
  /** Share of the rows of a load that may be quarantined before an alarm. */
  readonly quarantineAlarmOver?: number;
  /** Absent where nobody looks after alarms. */
  readonly alarms?: AlarmBook;
  /** Absent where requests are bounded by nothing but the answers to them. */
  readonly rates?: RateBudgets;
  /** Hears of each try of a task. */
  readonly ledger?: LedgerWriter;
}

/** What one running attempt offers to a stage; `boundary.ts` fills it from Temporal. */
export interface StageIo {
  readonly signal: AbortSignal;
  heartbeat(details?: JsonValue): void;
  /** After an abort: whether another try follows, since nobody asked for the end of the task. */
  goesOn?(): boolean;
  /** Details of the last heartbeat of the try before. */
  readonly lastDetails?: unknown;
  /** 1 on the first try. */
  readonly attempt: number;
  readonly logger: Logger;
  /** The log of this try, for `millrace run logs`. */
  readonly log: TaskLog;
}

/** A stage: what an activity is before the boundary wraps it. */
export type Stage<Request, Result> = (request: Request, io: StageIo) => Promise<Result>;
