import type { Command } from 'commander';
import { inboxReportMark, type InboxReport, type InboxStreamReport } from '../../core/inbox-report.js';
import type { CommandContext } from '../context.js';
import { emit, renderTable } from '../output.js';

/** `millrace inbox …`: what the gateway has received. */
export function registerInbox(program: Command, context: CommandContext): void {
  program
    .command('inbox')
    .description('what the gateway has received: list')
    .command('list')
    .description('segments by stream as a worker has last seen them, which of them stay, and for whom')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace inbox list')
    .action(async (options: { json?: boolean }, command: Command) => {
      const ops = await context.ops(context.settings(command));
      const mark = await ops.leases.getMark(inboxReportMark);
      const report = mark === undefined ? undefined : (JSON.parse(mark) as InboxReport);
      emit(context.output, options.json === true, report ?? { streams: [] }, () => render(report));
    });
}

function render(report: InboxReport | undefined): string {
  if (report === undefined)
    return 'No worker has looked through an inbox yet; each does within its first minute.';
  const lines = [
    `Looked through at ${report.at}. What was received since ${report.before} stays.`,
    renderTable(
      ['STREAM', 'SEGMENTS', 'BYTES', 'OLDEST', 'UNREAD', 'YOUNG', 'REMOVED'],
      report.streams.map(({ stream, segments, bytes, oldestAt = '', unread, young, removedSegments }) => [
        ...[stream, segments, bytes, oldestAt, unread, young, removedSegments],
      ]),
    ),
    ...report.streams.flatMap(readersOf),
  ];
  return lines.join('\n');
}

function readersOf({ stream, readers }: InboxStreamReport): string[] {
  if (readers.length === 0) return [`${stream}: no deployed DAG reads it, so everything stays`];
  return readers.map(({ dagId, taskId, readThrough, keepsAll }) => {
    const how =
      keepsAll === undefined
        ? readThrough === undefined
          ? 'has loaded nothing of it yet'
          : `has loaded it up to ${readThrough}`
        : `keeps everything: ${keepsAll}`;
    return `${stream}: ${dagId}/${taskId} ${how}`;
  });
}
