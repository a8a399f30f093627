import type { QueryResult } from '../connectors/warehouse.js';
import type { DagSpec } from '../core/dag/dag-spec.js';

/** The JSON report of `npm run demo -- --once --json`. */
export interface DemoReport {
  readonly temporal: { readonly version: string; readonly source: string; readonly startMs: number };
  readonly dags: readonly DagFigures[];
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  readonly reconcile: readonly ReconcileFigures[];
  readonly quarantine: { readonly rows: number };
  readonly realtime: { readonly events: number; readonly p50Ms: number; readonly p99Ms: number };
  readonly purchases: {
    readonly transactions: number;
    readonly customers: number;
    readonly cds: number;
    /** Decimal text, exact. */
    readonly amountUsd: string;
  };
}

export interface DagFigures {
  readonly id: string;
  readonly mode: string;
  readonly runs: number;
  readonly extracted: number;
  readonly loaded: number;
  readonly unchanged: number;
  readonly superseded: number;
  readonly quarantined: number;
  readonly withheld: number;
}

export interface ReconcileFigures {
  readonly dag: string;
  readonly status: 'clean' | 'different';
  readonly missing: number;
  readonly extra: number;
  readonly changed: number;
}

type Query = (sql: string) => Promise<QueryResult>;

/** Every figure of the report comes from a query over the warehouse, nothing from what the demo sent. */
export async function collectReport(
  query: Query,
  specs: readonly DagSpec[],
  temporal: DemoReport['temporal'],
  reconcile: readonly ReconcileFigures[],
): Promise<DemoReport> {
  const tables = await tableRows(query, specs);
  const has = (name: string) => tables.some((table) => table.name === name);
  return {
    temporal,
    dags: await dagFigures(query, specs),
    tables,
    reconcile,
    quarantine: {
      rows: numberOf(
        await query(`SELECT count(*) AS n FROM _millrace_quarantine WHERE status = 'open'`),
        'n',
      ),
    },
    realtime: has('site_events') ? await realtimeFigures(query) : { events: 0, p50Ms: 0, p99Ms: 0 },
    purchases: has('purchases')
      ? await purchaseFigures(query)
      : { transactions: 0, customers: 0, cds: 0, amountUsd: '0' },
  };
}

async function dagFigures(query: Query, specs: readonly DagSpec[]): Promise<DagFigures[]> {
  const { rows } = await query(
    `SELECT dag_id, count(DISTINCT workflow_id || '/' || interval_key || '/' || content_hash) AS runs, sum(extracted) AS extracted,
            sum(loaded) AS loaded, sum(unchanged) AS unchanged, sum(superseded) AS superseded, sum(quarantined) AS quarantined,
            sum(withheld) AS withheld
     FROM _millrace_loads GROUP BY dag_id`,
  );
  return specs.map((spec) => {
    const row = rows.find((candidate) => candidate['dag_id'] === spec.id);
    const figure = (name: string) => Number(row?.[name] ?? 0);
    return {
      id: spec.id,
      mode: spec.mode,
      runs: figure('runs'),
      extracted: figure('extracted'),
      loaded: figure('loaded'),
      unchanged: figure('unchanged'),
      superseded: figure('superseded'),
      quarantined: figure('quarantined'),
      withheld: figure('withheld'),
    };
  });
}

async function tableRows(query: Query, specs: readonly DagSpec[]): Promise<{ name: string; rows: number }[]> {
  const { rows } = await query(
    `SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'`,
  );
  const existing = new Set(rows.map((row) => row['table_name']));
  const wanted = specs.flatMap((spec) =>
    spec.tasks.flatMap((task) => (task.kind === 'load' ? [task.config.into] : [])),
  );
  const tables: { name: string; rows: number }[] = [];
  for (const name of wanted) {
    if (!existing.has(name)) continue;
    tables.push({
      name,
      rows: numberOf(await query(`SELECT count(*) AS n FROM "${name.replaceAll('"', '""')}"`), 'n'),
    });
  }
  return tables;
}

/** From the gateway's stamp on each event to the commit of the load that made it visible. */
async function realtimeFigures(query: Query): Promise<DemoReport['realtime']> {
  const result = await query(
    `SELECT count(*) AS events, quantile_cont(ms, 0.5) AS p50, quantile_cont(ms, 0.99) AS p99
     FROM (SELECT date_diff('millisecond', e.received_at::TIMESTAMP, l.committed_at::TIMESTAMP) AS ms
           FROM site_events e JOIN _millrace_loads l ON l.load_id = e._millrace_load_id)`,
  );
  return {
    events: numberOf(result, 'events'),
    p50Ms: Math.round(numberOf(result, 'p50')),
    p99Ms: Math.round(numberOf(result, 'p99')),
  };
}

async function purchaseFigures(query: Query): Promise<DemoReport['purchases']> {
  const result = await query(
    `SELECT count(*) AS transactions, count(DISTINCT customer_id) AS customers, sum(cds) AS cds, sum(amount_usd) AS amount FROM purchases`,
  );
  return {
    transactions: numberOf(result, 'transactions'),
    customers: numberOf(result, 'customers'),
    cds: numberOf(result, 'cds'),
    amountUsd: String(result.rows[0]?.['amount'] ?? '0'),
  };
}

function numberOf(result: QueryResult, column: string): number {
  return Number(result.rows[0]?.[column] ?? 0);
}
