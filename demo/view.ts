import type { DemoReport } from './report.js';

const bold = (text: string) => `\u001b[1m${text}\u001b[0m`;
const dim = (text: string) => `\u001b[2m${text}\u001b[0m`;
const green = (text: string) => `\u001b[32m${text}\u001b[0m`;
const yellow = (text: string) => `\u001b[33m${text}\u001b[0m`;

/** What the live view shows beside the report. */
export interface ViewState {
  readonly report: DemoReport;
  readonly lagMs: Readonly<Record<string, number | undefined>>;
  readonly temporalUiUrl: string;
  readonly gatewayUrl: string;
  readonly steps: readonly {
    readonly name: string;
    readonly state: 'waiting' | 'running' | 'done';
    readonly detail: string;
  }[];
  readonly elapsedMs: number;
}

const columns = [
  ['DAG', 18],
  ['MODE', 15],
  ['RUNS', 6],
  ['EXTRACTED', 10],
  ['LOADED', 8],
  ['UNCHANGED', 10],
  ['SUPERSEDED', 11],
  ['QUARANTINED', 12],
  ['LAG', 9],
] as const;

/** One frame of the live terminal view. */
export function renderView(state: ViewState): string {
  const { report } = state;
  const lines = [
    `${bold('millrace')} ${dim(`· Temporal ${report.temporal.version} (${report.temporal.source}) · ${duration(state.elapsedMs)}`)}`,
    '',
    dim(
      columns
        .map(([name, width], index) => (index < 2 ? name.padEnd(width) : name.padStart(width)))
        .join(' '),
    ),
  ];
  for (const dag of report.dags) {
    const lagMs = state.lagMs[dag.id];
    const cells = [
      dag.id,
      dag.mode,
      dag.runs,
      dag.extracted,
      dag.loaded,
      dag.unchanged,
      dag.superseded,
      dag.quarantined,
    ].map(String);
    cells.push(lagMs === undefined ? '-' : duration(lagMs));
    lines.push(
      cells
        .map((cell, index) =>
          index < 2 ? cell.padEnd(columns[index]?.[1] ?? 0) : cell.padStart(columns[index]?.[1] ?? 0),
        )
        .map((cell, index) =>
          index === 4 ? green(cell) : index === 7 && dag.quarantined > 0 ? yellow(cell) : cell,
        )
        .join(' '),
    );
  }
  lines.push('');
  for (const step of state.steps) {
    const mark = step.state === 'done' ? green('✓') : step.state === 'running' ? yellow('●') : dim('○');
    lines.push(`${mark} ${step.name.padEnd(34)} ${dim(step.detail)}`);
  }
  if (report.tables.length > 0) {
    lines.push(
      '',
      `tables     ${report.tables.map((table) => `${table.name} ${bold(String(table.rows))}`).join('  ')}`,
    );
  }
  if (report.realtime.events > 0) {
    lines.push(
      `real-time  ${String(report.realtime.events)} events, accepted → visible p50 ${String(report.realtime.p50Ms)} ms, p99 ${String(report.realtime.p99Ms)} ms`,
    );
  }
  for (const item of report.reconcile) {
    lines.push(
      `reconcile  ${item.dag.padEnd(18)} ${item.status === 'clean' ? green(item.status) : yellow(item.status)}`,
    );
  }
  lines.push(
    '',
    `Temporal UI  ${state.temporalUiUrl}`,
    `Gateway      ${state.gatewayUrl}`,
    dim('Ctrl-C stops everything; the next start goes on from here.'),
  );
  return lines.join('\n');
}

/** Redraws in place on a terminal. */
export class LiveView {
  #lines = 0;
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  draw(frame: string): void {
    const back = this.#lines === 0 ? '' : `\u001b[${String(this.#lines)}A\u001b[0J`;
    this.#write(`${back}${frame}\n`);
    this.#lines = frame.split('\n').length;
  }
}

function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${String(Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 90) return `${seconds.toFixed(1)} s`;
  return seconds < 5_400
    ? `${String(Math.round(seconds / 60))} min`
    : `${String(Math.round(seconds / 3_600))} h`;
}
