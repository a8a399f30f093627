import type { Command } from 'commander';
import type { AssetEvent } from '../../core/assets/asset-event.js';
import type { JsonObject } from '../../core/json.js';
import { assetEvents, emitAssetEvent, listAssets, showAsset, showAssetQueue } from '../assets.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';
import { parseCount, parseJsonObject } from './arguments.js';

/** `millrace asset …`: what tasks update and DAGs wait for. */
export function registerAsset(program: Command, context: CommandContext): void {
  const asset = program
    .command('asset')
    .description('assets that tasks update and DAGs wait for: list, show, events, queue, emit');
  registerList(asset, context);
  registerShow(asset, context);
  registerEvents(asset, context);
  registerQueue(asset, context);
  registerEmit(asset, context);
}

function registerList(asset: Command, context: CommandContext): void {
  asset
    .command('list')
    .description('every asset that a deployed DAG names: who updates it, whom it starts, its last event')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace asset list')
    .action(async (options: { json?: boolean }, command: Command) => {
      const assets = await listAssets(await context.client(context.settings(command)));
      emit(context.output, options.json === true, { assets }, () =>
        assets.length === 0
          ? 'No deployed DAG names an asset.'
          : renderTable(
              ['ASSET', 'PRODUCERS', 'CONSUMERS', 'LAST EVENT'],
              assets.map(({ uri, producers, consumers, lastEventAt }) => [
                uri,
                producers.join(', ') || '-',
                consumers.join(', ') || '-',
                lastEventAt ?? '-',
              ]),
            ),
      );
    });
}

function registerShow(asset: Command, context: CommandContext): void {
  asset
    .command('show <uri>')
    .description('one asset: name, who updates and reads it, whom it starts, its last events')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace asset show duckdb://warehouse/orders')
    .action(async (uri: string, options: { json?: boolean }, command: Command) => {
      const shown = await showAsset(await context.client(context.settings(command)), uri);
      emit(context.output, options.json === true, shown, () =>
        [
          [uri, shown.name, shown.group].filter((word) => word !== undefined).join('  '),
          `updated by  ${shown.producers.join(', ') || '-'}`,
          `read by     ${shown.readers.join(', ') || '-'}`,
          `starts      ${shown.consumers.join(', ') || '-'}`,
          '',
          renderEvents(shown.events),
        ].join('\n'),
      );
    });
}

function registerEvents(asset: Command, context: CommandContext): void {
  asset
    .command('events <uri>')
    .description('past events of an asset, newest first, as the queues of the DAGs that it starts know them')
    .option('--limit <count>', 'how many', parseCount, 20)
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace asset events duckdb://warehouse/orders --limit 5')
    .action(async (uri: string, options: { limit: number; json?: boolean }, command: Command) => {
      const client = await context.client(context.settings(command));
      const events = await assetEvents(client, uri, options.limit);
      emit(context.output, options.json === true, { uri, events }, () => renderEvents(events));
    });
}

function registerQueue(asset: Command, context: CommandContext): void {
  asset
    .command('queue <dag>')
    .description('events that wait for the next run of a DAG, and what is missing for it')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace asset queue campaign')
    .action(async (dagId: string, options: { json?: boolean }, command: Command) => {
      const report = await showAssetQueue(await context.client(context.settings(command)), dagId);
      emit(context.output, options.json === true, report, () =>
        [
          `${dagId}  ${report.isPaused ? 'paused  ' : ''}runs on ${report.condition}`,
          `waits for  ${report.waitsFor || 'nothing'}`,
          `runs       ${String(report.startedRuns)} started, ${String(report.pending)} to start${report.lastRun === undefined ? '' : `, last ${report.lastRun}`}`,
          ...(report.omitted === 0 ? [] : [`and        ${String(report.omitted)} earlier events`]),
          '',
          renderEvents(report.queued),
        ].join('\n'),
      );
    });
}

function registerEmit(asset: Command, context: CommandContext): void {
  asset
    .command('emit <uri>')
    .description('tell of an update that no task of Millrace made')
    .option('--extra <json>', 'details as a JSON object', parseJsonObject, {})
    .option('--id <id>', 'names the update: told of twice, it counts once')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  $ millrace asset emit s3://exports/customers.csv --extra \'{"rows": 120}\'',
    )
    .action(
      async (uri: string, options: { extra: JsonObject; id?: string; json?: boolean }, command: Command) => {
        const settings = context.settings(command);
        const told = await emitAssetEvent(await context.client(settings), uri, {
          taskQueue: settings.temporal.taskQueue,
          extra: options.extra,
          ...(options.id === undefined ? {} : { id: options.id }),
        });
        emit(context.output, options.json === true, told, () =>
          told.consumers.length === 0
            ? `No deployed DAG waits for ${uri}.`
            : `event ${told.event.id} is queued for ${told.consumers.join(', ')}`,
        );
      },
    );
}

function renderEvents(events: readonly AssetEvent[]): string {
  if (events.length === 0) return 'No event.';
  return renderTable(
    ['AT', 'ASSET', 'FROM', 'EXTRA'],
    events.map(({ at, uri, source, extra }) => [
      at,
      uri,
      source === undefined
        ? 'told'
        : `${source.dagId}/${source.taskId}${source.mapIndex === undefined ? '' : `[${String(source.mapIndex)}]`}`,
      JSON.stringify(extra),
    ]),
  );
}
