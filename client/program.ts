import { Command, CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { registerAlarms } from './commands/alarms.js';
import { registerAnomalies } from './commands/anomalies.js';
import { registerApproval } from './commands/approval.js';
import { registerAsset } from './commands/asset.js';
import { registerBackfill } from './commands/backfill.js';
import { registerConnections } from './commands/connections.js';
import { registerDag } from './commands/dag.js';
import { registerDeploy } from './commands/deploy.js';
import { registerDev } from './commands/dev.js';
import { registerDocs } from './commands/docs.js';
import { registerDoctor } from './commands/doctor.js';
import { registerHooks } from './commands/hooks.js';
import { registerIdentity } from './commands/identity.js';
import { registerInbox } from './commands/inbox.js';
import { registerInit } from './commands/init.js';
import { registerPool } from './commands/pool.js';
import { registerQuarantine } from './commands/quarantine.js';
import { registerQuery } from './commands/query.js';
import { registerReconcile } from './commands/reconcile.js';
import { registerReplay } from './commands/replay.js';
import { registerRun } from './commands/run.js';
import { registerServices } from './commands/services.js';
import { registerStaging } from './commands/staging.js';
import { registerTemporal } from './commands/temporal.js';
import type { CommandContext } from './context.js';
import { exitCodes, reportError } from './output.js';

/** The `millrace` command line; every command takes `--json`, `--project` and `--help`. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('millrace')
    .description('Airflow-style DAGs on Temporal: sources to warehouse, durably.')
    .version(packageVersion())
    .option('--project <folder>', 'project folder: dags/, schemas/, millrace.json', '.')
    .showHelpAfterError('(add --help for the options and an example)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        context.output.stdout(text);
      },
      writeErr: (text) => {
        context.output.stderr(text);
      },
    });
  program.addHelpText(
    'after',
    `\nExit codes: 0 done, 1 failed or different, 2 usage, 69 not reachable, 78 configuration.`,
  );
  for (const register of [
    registerInit,
    registerDev,
    registerServices,
    registerDeploy,
    registerDocs,
    registerDag,
    registerRun,
    registerApproval,
    registerAsset,
    registerBackfill,
    registerAlarms,
    registerAnomalies,
    registerHooks,
    registerPool,
    registerIdentity,
    registerReconcile,
    registerQuarantine,
    registerQuery,
    registerReplay,
    registerConnections,
    registerStaging,
    registerInbox,
    registerDoctor,
    registerTemporal,
  ]) {
    register(program, context);
  }
  inheritSettings(program);
  return program;
}

/** Runs one command line and returns its exit code; never throws. */
export async function runCommand(context: CommandContext, argv: readonly string[]): Promise<number> {
  const program = createProgram(context);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return reportError(context.output, argv.includes('--json'), error);
  } finally {
    await context.close();
  }
}

/** Subcommands made with `command()` copy output and exit handling only from the parent of that moment. */
function inheritSettings(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inheritSettings(child);
  }
}

function packageVersion(): string {
  for (const candidate of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(candidate, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name: string; version: string };
      if (name === 'millrace') return version;
    } catch {
      continue;
    }
  }
  return 'unknown';
}
