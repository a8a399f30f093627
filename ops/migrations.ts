import type { Kysely, Migration } from 'kysely';

/** In order of their names; a migration that was released is never changed, a new one is added. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-run-ledger': { up: createRunLedger },
  '0002-former-run': { up: addFormerRun },
  '0003-connections': { up: createConnections },
  '0004-alarms': { up: createAlarms },
  '0005-quality': { up: createQuality },
  '0006-rate-budgets': { up: createRateBudgets },
  '0007-hooks': { up: createHooks },
};

async function createRunLedger(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('runs')
    .addColumn('workflow_id', 'text', (column) => column.notNull())
    .addColumn('run_id', 'text', (column) => column.notNull())
    .addColumn('dag_id', 'text', (column) => column.notNull())
    .addColumn('run_type', 'text', (column) => column.notNull())
    .addColumn('interval_start', 'text')
    .addColumn('interval_end', 'text')
    .addColumn('logical_at', 'text', (column) => column.notNull())
    .addColumn('spec_hash', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('state_rank', 'integer', (column) => column.notNull())
    .addColumn('started_at', 'text', (column) => column.notNull())
    .addColumn('ended_at', 'text')
    .addColumn('counts', 'text')
    .addColumn('params', 'text', (column) => column.notNull())
    .addColumn('note', 'text')
    .addColumn('triggered_by', 'text')
    .addPrimaryKeyConstraint('runs_key', ['workflow_id', 'run_id'])
    .execute();
  for (const [name, columns] of [
    ['runs_by_start', ['started_at']],
    ['runs_by_dag', ['dag_id', 'started_at']],
    ['runs_by_logical_date', ['dag_id', 'logical_at']],
    ['runs_by_end', ['ended_at']],
  ] as const) {
    await db.schema
      .createIndex(name)
      .on('runs')
      .columns([...columns])
      .execute();
  }
  await db.schema
    .createTable('task_tries')
    .addColumn('workflow_id', 'text', (column) => column.notNull())
    .addColumn('run_id', 'text', (column) => column.notNull())
    .addColumn('task_id', 'text', (column) => column.notNull())
    .addColumn('map_index', 'integer', (column) => column.notNull())
    .addColumn('try_number', 'integer', (column) => column.notNull())
    .addColumn('label', 'text')
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('state_rank', 'integer', (column) => column.notNull())
    .addColumn('started_at', 'text')
    .addColumn('ended_at', 'text')
    .addColumn('worker', 'text')
    .addColumn('error_code', 'text')
    .addColumn('error_message', 'text')
    .addColumn('counts', 'text')
    .addPrimaryKeyConstraint('task_tries_key', [
      'workflow_id',
      'run_id',
      'task_id',
      'map_index',
      'try_number',
    ])
    .execute();
  await db.schema
    .createTable('task_logs')
    .addColumn('workflow_id', 'text', (column) => column.notNull())
    .addColumn('run_id', 'text', (column) => column.notNull())
    .addColumn('task_id', 'text', (column) => column.notNull())
    .addColumn('map_index', 'integer', (column) => column.notNull())
    .addColumn('try_number', 'integer', (column) => column.notNull())
    .addColumn('line', 'integer', (column) => column.notNull())
    .addColumn('at', 'text', (column) => column.notNull())
    .addColumn('level', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .addColumn('fields', 'text')
    .addPrimaryKeyConstraint('task_logs_key', [
      'workflow_id',
      'run_id',
      'task_id',
      'map_index',
      'try_number',
      'line',
    ])
    .execute();
  await db.schema
    .createTable('leases')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('holder', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('marks')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
}

async function addFormerRun(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('runs').addColumn('former_run_id', 'text').execute();
}

async function createConnections(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('connections')
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('connector', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('updated_at', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('connection_options')
    .addColumn('connection', 'text', (column) => column.notNull())
    .addColumn('path', 'text', (column) => column.notNull())
    .addColumn('value', 'text')
    .addColumn('sealed', 'text')
    .addPrimaryKeyConstraint('connection_options_key', ['connection', 'path'])
    .execute();
  await db.schema
    .createTable('oauth_tokens')
    .addColumn('connection', 'text', (column) => column.primaryKey())
    .addColumn('fingerprint', 'text', (column) => column.notNull())
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('obtained_at', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'text')
    .addColumn('version', 'integer', (column) => column.notNull())
    .execute();
}

async function createAlarms(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('runs').addColumn('judged_at', 'text').execute();
  await db.schema.createIndex('runs_by_judgement').on('runs').columns(['judged_at', 'ended_at']).execute();
  await db.schema
    .createTable('alarms')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('open_key', 'text', (column) => column.unique())
    .addColumn('dag_id', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('subject', 'text')
    .addColumn('raised_at', 'text', (column) => column.notNull())
    .addColumn('recovered_at', 'text')
    .addColumn('count', 'integer', (column) => column.notNull())
    .addColumn('last_at', 'text', (column) => column.notNull())
    .addColumn('last_occurrence', 'text', (column) => column.notNull())
    .addColumn('message', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('alarm_notices')
    .addColumn('notice_id', 'text', (column) => column.notNull())
    .addColumn('sink', 'text', (column) => column.notNull())
    .addColumn('notice', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('next_at', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('alarm_notices_key', ['notice_id', 'sink'])
    .execute();
}

async function createQuality(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('batch_profiles')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('dag_id', 'text', (column) => column.notNull())
    .addColumn('task_id', 'text', (column) => column.notNull())
    .addColumn('profile', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('seen_at', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('batch_profiles_by_task')
    .on('batch_profiles')
    .columns(['dag_id', 'task_id', 'status', 'seen_at'])
    .execute();
  await db.schema
    .createTable('anomalies')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('profile_id', 'text', (column) => column.notNull())
    .addColumn('dag_id', 'text', (column) => column.notNull())
    .addColumn('task_id', 'text', (column) => column.notNull())
    .addColumn('workflow_id', 'text', (column) => column.notNull())
    .addColumn('finding', 'text', (column) => column.notNull())
    .addColumn('is_waiting', 'integer', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('found_at', 'text', (column) => column.notNull())
    .addColumn('decided_by', 'text')
    .addColumn('decided_at', 'text')
    .addColumn('comment', 'text')
    .execute();
  await db.schema.createIndex('anomalies_by_batch').on('anomalies').columns(['profile_id']).execute();
  await db.schema.createIndex('anomalies_by_time').on('anomalies').columns(['found_at']).execute();
  await db.schema
    .createTable('table_loads')
    .addColumn('dag_id', 'text', (column) => column.notNull())
    .addColumn('task_id', 'text', (column) => column.notNull())
    .addColumn('table_name', 'text', (column) => column.notNull())
    .addColumn('committed_at', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('table_loads_key', ['dag_id', 'task_id', 'table_name'])
    .execute();
}

async function createRateBudgets(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('rate_budgets')
    .addColumn('connection', 'text', (column) => column.notNull())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('bucket', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('turns', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('rate_budgets_key', ['connection', 'account', 'bucket'])
    .execute();
}

async function createHooks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('hooks')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('caller', 'text', (column) => column.notNull())
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('dag_id', 'text')
    .addColumn('target_origin', 'text', (column) => column.notNull())
    .addColumn('sealed', 'text', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addColumn('next_at', 'text', (column) => column.notNull())
    .addColumn('last_problem', 'text')
    .execute();
  await db.schema
    .createTable('hook_deliveries')
    .addColumn('event_id', 'text', (column) => column.notNull())
    .addColumn('hook_id', 'text', (column) => column.notNull())
    .addColumn('dag_id', 'text', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'text', (column) => column.notNull())
    .addColumn('next_at', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('hook_deliveries_key', ['hook_id', 'event_id'])
    .execute();
  await db.schema
    .createIndex('hook_deliveries_by_time')
    .on('hook_deliveries')
    .columns(['hook_id', 'created_at'])
    .execute();
}
