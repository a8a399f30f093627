/** Tables of the operations store, as Kysely types them. Times are ISO 8601 UTC text; JSON is text. */
export interface OpsTables {
  runs: RunRow;
  task_tries: TaskRow;
  task_logs: LogRow;
  leases: LeaseRow;
  marks: MarkRow;
  connections: ConnectionRow;
  connection_options: ConnectionOptionRow;
  oauth_tokens: OAuthTokenRow;
  alarms: AlarmRow;
  alarm_notices: AlarmNoticeRow;
  batch_profiles: BatchProfileRow;
  anomalies: AnomalyRow;
  table_loads: TableLoadRow;
  rate_budgets: RateBudgetRow;
  hooks: HookRow;
  hook_deliveries: HookDeliveryRow;
}

export interface RunRow {
  workflow_id: string;
  run_id: string;
  dag_id: string;
  run_type: string;
  interval_start: string | null;
  interval_end: string | null;
  /** Logical date, or the start time of a run without one: what runs are ordered by in a grid. */
  logical_at: string;
  spec_hash: string;
  state: string;
  state_rank: number;
  started_at: string;
  ended_at: string | null;
  counts: string | null;
  params: string;
  note: string | null;
  triggered_by: string | null;
  former_run_id: string | null;
  /** When alarms learnt of its end. */
  judged_at: string | null;
}

export interface TaskRow {
  workflow_id: string;
  run_id: string;
  task_id: string;
  map_index: number;
  try_number: number;
  label: string | null;
  kind: string;
  state: string;
  state_rank: number;
  started_at: string | null;
  ended_at: string | null;
  worker: string | null;
  error_code: string | null;
  error_message: string | null;
  counts: string | null;
}

export interface LogRow {
  workflow_id: string;
  run_id: string;
  task_id: string;
  map_index: number;
  try_number: number;
  line: number;
  at: string;
  level: string;
  message: string;
  fields: string | null;
}

/** Work that one process does at a time. */
export interface LeaseRow {
  name: string;
  holder: string;
  expires_at: string;
}

/** How far recurring work has come. */
export interface MarkRow {
  name: string;
  value: string;
}

export interface ConnectionRow {
  name: string;
  connector: string;
  created_at: string;
  updated_at: string;
}

/** One option of a connection: as JSON, or encrypted. */
export interface ConnectionOptionRow {
  connection: string;
  /** Names with dots. */
  path: string;
  value: string | null;
  sealed: string | null;
}

/** What an authorization server gave, encrypted; also for connections of the settings. */
export interface OAuthTokenRow {
  connection: string;
  fingerprint: string;
  sealed: string;
  obtained_at: string;
  expires_at: string | null;
  version: number;
}

/** An alarm: open while `open_key` is set, which only one of a kind can have. */
export interface AlarmRow {
  id: string;
  open_key: string | null;
  dag_id: string;
  kind: string;
  subject: string | null;
  raised_at: string;
  recovered_at: string | null;
  count: number;
  last_at: string;
  last_occurrence: string;
  message: string;
}

/** A notice that waits for its sink. */
export interface AlarmNoticeRow {
  notice_id: string;
  sink: string;
  notice: string;
  attempts: number;
  created_at: string;
  next_at: string;
}

/** Figures of a batch that a gate has seen. */
export interface BatchProfileRow {
  id: string;
  dag_id: string;
  task_id: string;
  profile: string;
  status: string;
  seen_at: string;
}

export interface AnomalyRow {
  id: string;
  profile_id: string;
  dag_id: string;
  task_id: string;
  workflow_id: string;
  finding: string;
  /** 1 where the run waits for an answer. */
  is_waiting: number;
  status: string;
  found_at: string;
  decided_by: string | null;
  decided_at: string | null;
  comment: string | null;
}

/** When a load task last committed to its table. */
export interface TableLoadRow {
  dag_id: string;
  task_id: string;
  table_name: string;
  committed_at: string;
}

/** A rate budget that workers share. */
export interface RateBudgetRow {
  connection: string;
  account: string;
  bucket: string;
  /** JSON. */
  state: string;
  /** Turns that were taken; a turn begins by counting itself, which locks the row. */
  turns: number;
}

/** A subscription of a platform. */
export interface HookRow {
  id: string;
  caller: string;
  event: string;
  dag_id: string | null;
  target_origin: string;
  /** Address and signing key, encrypted. */
  sealed: string;
  created_at: string;
  /** Tries in a row that failed. */
  failures: number;
  next_at: string;
  last_problem: string | null;
}

/** An event that waits for its hook. */
export interface HookDeliveryRow {
  event_id: string;
  hook_id: string;
  dag_id: string;
  body: string;
  attempts: number;
  created_at: string;
  next_at: string;
}
