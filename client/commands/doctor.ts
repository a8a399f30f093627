import { accessSync, constants, mkdirSync, statfsSync } from 'node:fs';
import type { Command } from 'commander';
import { warehouseModule } from '../../connectors/warehouse-registry.js';
import { limits } from '../../core/limits.js';
import { ensureSearchAttributes } from '../../activities/worker/search-attributes.js';
import { findTemporalCli } from '../temporal/obtain-cli.js';
import type { Settings } from '../../config.js';
import { listConnections } from '../connections.js';
import type { CommandContext } from '../context.js';
import { temporalTarget } from '../temporal/connect.js';
import { emit, exitCodes } from '../output.js';
import { createWebhookEndpoints } from '../../serve/webhook-endpoint.js';
import { revealWebhooks } from '../services.js';
import { stagingPlace } from '../staging.js';
import { loadProjectDags, openWarehouseReader, warehousePlace } from '../project.js';

interface Finding {
  readonly check: string;
  readonly isFine: boolean;
  readonly detail: string;
}

/** Where the server is, and how it is spoken to. */
function describeTarget(settings: Settings): string {
  const { address, tls, apiKey } = temporalTarget(settings);
  const how = [tls && 'TLS', tls?.clientCertPair && 'client certificate', apiKey !== undefined && 'API key'];
  return [address, ...how.filter((part) => typeof part === 'string')].join(', ');
}

/** `millrace doctor`: looks at everything that a run needs, and says what to do about what is missing. */
export function registerDoctor(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description('check configuration, DAG files, Temporal, staging, warehouse and disk')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nExample:\n  $ millrace doctor')
    .action(async (options: { json?: boolean }, command: Command) => {
      const findings: Finding[] = [];
      const check = async (name: string, look: () => Promise<string> | string) => {
        try {
          findings.push({ check: name, isFine: true, detail: await look() });
        } catch (error) {
          findings.push({
            check: name,
            isFine: false,
            detail: error instanceof Error ? error.message : String(error),
          });
        }
      };
      await check('node', () => process.version);
      await check('configuration', () => `project ${context.settings(command).projectDirectory}`);
      if (findings.every((finding) => finding.isFine)) {
        const settings = context.settings(command);
        await check('dags', async () => {
          const definitions = await loadProjectDags(settings);
          return `${String(definitions.length)} DAGs: ${definitions.map(({ spec }) => spec.id).join(', ') || `none in ${settings.dagsDirectory}`}`;
        });
        await check(
          'temporal cli',
          () => findTemporalCli(context.env)?.path ?? 'not installed; "millrace temporal install" gets it',
        );
        await check('temporal server', async () => {
          const client = await context.client(settings);
          await ensureSearchAttributes(client);
          return `${describeTarget(settings)}, namespace ${settings.temporal.namespace}`;
        });
        await check('data folder', () => {
          mkdirSync(settings.dataDirectory, { recursive: true });
          accessSync(settings.dataDirectory, constants.W_OK);
          const { bavail, bsize } = statfsSync(settings.dataDirectory);
          const freeBytes = bavail * bsize;
          if (freeBytes < limits.inboxMinFreeBytes)
            throw new Error(`only ${String(freeBytes)} bytes free; free disk space`);
          return `${settings.dataDirectory}, ${String(Math.floor(freeBytes / 2 ** 30))} GiB free`;
        });
        await check('webhooks', async () => {
          const endpoints = [...(await createWebhookEndpoints(revealWebhooks(settings))).values()];
          const closed = endpoints
            .filter(({ verifier }) => verifier === undefined)
            .map(({ source }) => source);
          if (closed.length > 0)
            throw new Error(
              `without a secret, and so closed: ${closed.join(', ')}; set gateway.webhooks.<name>.secrets`,
            );
          return endpoints.map(({ source, provider }) => `${source} (${provider})`).join(', ') || 'none';
        });
        await check('connections', async () => {
          const views = await listConnections(settings, await context.ops(settings));
          const unready = views.filter(({ login }) => login !== undefined && !login.isReady);
          if (unready.length > 0)
            throw new Error(
              `without a login or its secrets: ${unready.map(({ name, login }) => `${name} (${login?.state ?? ''})`).join(', ')}; run "millrace connections login <name>", or see "millrace connections test <name>"`,
            );
          return views.map(({ name }) => name).join(', ') || 'none';
        });
        await check('operations store', async () => {
          const { ledger, place } = await context.ops(settings);
          const [newest] = await ledger.listRuns({ limit: 1 });
          return `${place}, ${newest === undefined ? 'no run recorded yet' : `newest run ${newest.startedAt}`}`;
        });
        await check('staging', async () => {
          const { createStaging } = await import('../../connectors/staging/index.js');
          const staging = await createStaging(stagingPlace(settings));
          await staging.check();
          await staging.probe();
          return `${staging.place}, written, read and deleted`;
        });
        await check('warehouse', async () => {
          const { awaitedBy } = await warehouseModule(settings.warehouse.type);
          const awaited = awaitedBy?.(await warehousePlace(settings, () => context.ops(settings)));
          if (awaited !== undefined) return awaited;
          const reader = await openWarehouseReader(settings, () => context.ops(settings));
          try {
            await reader.query('SELECT 1', 1);
            return reader.detail;
          } finally {
            await reader.close();
          }
        });
      }
      emit(context.output, options.json === true, { findings }, () =>
        findings
          .map(
            (finding) => `${finding.isFine ? 'ok  ' : 'FAIL'}  ${finding.check.padEnd(16)} ${finding.detail}`,
          )
          .join('\n'),
      );
      if (findings.some((finding) => !finding.isFine)) context.exitCode = exitCodes.failed;
    });
}
