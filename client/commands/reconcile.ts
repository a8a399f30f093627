import { Option, type Command } from 'commander';
import type { ReconcileReport } from '../../core/reconcile/reconcile.js';
import { PipelineError } from '../../core/errors/index.js';
import { limits } from '../../core/limits.js';
import type { HealSpec } from '../../core/reconcile/reconcile-spec.js';
import type { CommandContext } from '../context.js';
import { emit, exitCodes, renderTable } from '../output.js';
import { reconcileDag } from '../reconciliations.js';
import { intervalOption, parseCount, parseDurationMs, parseTime } from './arguments.js';

interface ReconcileArguments {
  readonly from?: string;
  readonly to?: string;
  readonly last?: number;
  readonly inFlight: number;
  readonly reRead?: boolean;
  readonly heal?: boolean;
  readonly maxHeal: number;
  readonly approve?: boolean;
  readonly deletions?: boolean;
  readonly json?: boolean;
}

/** `millrace reconcile`: compares each table of a DAG with its source, and heals what differs where asked to. */
export function registerReconcile(program: Command, context: CommandContext): void {
  program
    .command('reconcile <dag>')
    .description('compare the tables of a DAG with their sources; exit code 1 where they differ afterwards')
    .option('--from <time>', 'only rows of this time: start', parseTime)
    .option('--to <time>', 'only rows of this time: end, exclusive', parseTime)
    .addOption(
      new Option('--last <duration>', 'only rows of so long until now, such as 7d')
        .conflicts(['from', 'to'])
        .argParser(parseDurationMs),
    )
    .addOption(
      new Option('--in-flight <duration>', 'count rows apart whose version is younger')
        .default(limits.reconcileInFlightMs, '5m')
        .argParser(parseDurationMs),
    )
    .option('--re-read', 'read every row again also where checksums would do')
    .option('--heal', 'read the keys that differ again and load them')
    .option(
      '--max-heal <keys>',
      'heal nothing where more keys differ',
      parseCount,
      limits.reconcileHealDefaultKeys,
    )
    .option('--approve', 'heal more keys than --max-heal')
    .option('--deletions', 'with --heal: take rows away that the source no longer has')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace reconcile shop-orders\n  $ millrace reconcile shop-orders --heal --max-heal 500',
    )
    .action(async (dagId: string, options: ReconcileArguments, command: Command) => {
      const settings = context.settings(command);
      const reports = await reconcileDag(await context.client(settings), dagId, {
        taskQueue: settings.temporal.taskQueue,
        inFlightMs: options.inFlight,
        ...intervalOption(options.from, options.to),
        ...(options.last === undefined ? {} : { windowMs: options.last }),
        ...(options.reRead === true ? { reRead: true } : {}),
        ...healOption(options),
      });
      emit(context.output, options.json === true, { reports }, () => textOf(reports));
      if (reports.some(({ status }) => status === 'different')) context.exitCode = exitCodes.failed;
    });
}

/** @throws PipelineError USAGE where what belongs to a heal stands without one */
function healOption({ heal, maxHeal, approve, deletions }: ReconcileArguments): { heal?: HealSpec } {
  if (heal === true)
    return { heal: { maxKeys: maxHeal, isApproved: approve === true, deletions: deletions === true } };
  if (approve !== true && deletions !== true) return {};
  throw new PipelineError('USAGE', {
    problem: '--approve and --deletions say how to heal',
    hint: 'Give --heal as well.',
  });
}

function textOf(reports: readonly ReconcileReport[]): string {
  return [
    renderTable(
      [
        'TABLE',
        'STATUS',
        'WAY',
        'SOURCE',
        'WAREHOUSE',
        'MISSING',
        'EXTRA',
        'CHANGED',
        'TIMESTAMP',
        'IN FLIGHT',
      ],
      reports.map((report) => [
        report.table,
        report.status,
        report.way,
        report.sourceRows,
        report.warehouseRows,
        report.missing,
        report.extra,
        report.changed,
        report.timestampOnly,
        report.inFlight,
      ]),
    ),
    ...reports.flatMap((report) => [
      ...(['missing', 'extra', 'changed', 'timestampOnly'] as const).flatMap((kind) =>
        report.samples[kind].map(
          (key) => `${report.table}: ${kind === 'timestampOnly' ? 'timestamp only' : kind} ${key}`,
        ),
      ),
      ...(report.reason === undefined ? [] : [`${report.table}: read again, because ${report.reason}`]),
      ...(report.notCompared ?? []).map((text) => `${report.table}: not compared: ${text}`),
      ...healText(report),
    ]),
  ].join('\n');
}

function healText({ table, heal }: ReconcileReport): string[] {
  if (heal === undefined) return [];
  const { status, keys, counts, remaining, hint } = heal;
  if (status === 'healed')
    return [
      `${table}: healed ${String(counts?.loaded ?? 0)} rows of ${String(keys)} keys, ${String(remaining ?? 0)} still differ`,
    ];
  return [`${table}: ${status}${hint === undefined ? '' : `: ${hint}`}`];
}
