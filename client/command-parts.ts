import type { Command } from 'commander';
import type { CommandContext } from './context.js';

/** Commands that one module declares. */
export interface CommandPart {
  /** The first words of its command lines. */
  readonly names: readonly string[];
  /** Loads the module, and returns what adds the commands to a program. */
  load(): Promise<(program: Command, context: CommandContext) => void>;
}

/**
 * Every command, in the order of the help. A command line loads the module of its own command only, because what others need
 * takes longer to load than most commands to run.
 */
export const commandParts: readonly CommandPart[] = [
  { names: ['init'], load: async () => (await import('./commands/init.js')).registerInit },
  { names: ['dev'], load: async () => (await import('./commands/dev.js')).registerDev },
  {
    names: ['worker', 'gateway'],
    load: async () => (await import('./commands/services.js')).registerServices,
  },
  { names: ['deploy'], load: async () => (await import('./commands/deploy.js')).registerDeploy },
  { names: ['docs'], load: async () => (await import('./commands/docs.js')).registerDocs },
  { names: ['dag'], load: async () => (await import('./commands/dag.js')).registerDag },
  { names: ['run'], load: async () => (await import('./commands/run.js')).registerRun },
  { names: ['approval'], load: async () => (await import('./commands/approval.js')).registerApproval },
  { names: ['asset'], load: async () => (await import('./commands/asset.js')).registerAsset },
  { names: ['backfill'], load: async () => (await import('./commands/backfill.js')).registerBackfill },
  { names: ['alarms'], load: async () => (await import('./commands/alarms.js')).registerAlarms },
  { names: ['anomalies'], load: async () => (await import('./commands/anomalies.js')).registerAnomalies },
  { names: ['hooks'], load: async () => (await import('./commands/hooks.js')).registerHooks },
  { names: ['pool'], load: async () => (await import('./commands/pool.js')).registerPool },
  { names: ['identity'], load: async () => (await import('./commands/identity.js')).registerIdentity },
  { names: ['reconcile'], load: async () => (await import('./commands/reconcile.js')).registerReconcile },
  { names: ['quarantine'], load: async () => (await import('./commands/quarantine.js')).registerQuarantine },
  { names: ['query'], load: async () => (await import('./commands/query.js')).registerQuery },
  { names: ['replay'], load: async () => (await import('./commands/replay.js')).registerReplay },
  {
    names: ['connections'],
    load: async () => (await import('./commands/connections.js')).registerConnections,
  },
  { names: ['staging'], load: async () => (await import('./commands/staging.js')).registerStaging },
  { names: ['inbox'], load: async () => (await import('./commands/inbox.js')).registerInbox },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.js')).registerDoctor },
  { names: ['temporal'], load: async () => (await import('./commands/temporal.js')).registerTemporal },
];
