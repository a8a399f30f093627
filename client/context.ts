import type { Client, Connection } from '@temporalio/client';
import type { Command } from 'commander';
import { isAbsolute, resolve } from 'node:path';
import { loadSettings, type Settings } from '../config.js';
import type { OpsStore } from '../ops/store.js';
import { keyringOf } from './connections.js';
import { opsPlace } from './ops-place.js';
import type { Output } from './output.js';

/** What every command works with; connections are opened when first asked for, and closed with the context. */
export class CommandContext {
  /** Set by a command that did its work and found something wrong. */
  exitCode = 0;
  readonly output: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where secrets are read from. */
  readonly input: NodeJS.ReadStream;
  readonly #cwd: string;
  #connection: Connection | undefined;
  #ops: OpsStore | undefined;

  constructor(options: {
    output: Output;
    env: Readonly<Record<string, string | undefined>>;
    cwd: string;
    input?: NodeJS.ReadStream;
  }) {
    this.input = options.input ?? process.stdin;
    this.output = options.output;
    this.env = options.env;
    this.#cwd = options.cwd;
  }

  /** Settings of the project that the command line names. @throws PipelineError CONFIG_INVALID */
  settings(command: Command): Settings {
    return loadSettings({ cwd: this.projectDirectory(command), env: this.env });
  }

  projectDirectory(command: Command): string {
    const { project = '.' } = command.optsWithGlobals<{ project?: string }>();
    return isAbsolute(project) ? project : resolve(this.#cwd, project);
  }

  /** A Temporal client. @throws PipelineError TEMPORAL_UNAVAILABLE */
  async client(settings: Settings): Promise<Client> {
    // Loaded when it is needed, as the store below: some commands do without, and take longer to load it than to run.
    const { Client } = await import('@temporalio/client');
    const { connectTemporal } = await import('./temporal/connect.js');
    this.#connection ??= await connectTemporal(settings);
    return new Client({ connection: this.#connection, namespace: settings.temporal.namespace });
  }

  /** The project's operations store. @throws PipelineError CONFIG_INVALID, OPS_UNAVAILABLE */
  async ops(settings: Settings): Promise<OpsStore> {
    const { openOpsStore } = await import('../ops/store.js');
    this.#ops ??= await openOpsStore({ ...opsPlace(settings), keyring: keyringOf(settings) });
    return this.#ops;
  }

  /** True where results go to a terminal that shows colours (https://no-color.org). */
  get hasColour(): boolean {
    return (
      this.output.isTerminal === true && (this.env['NO_COLOR'] ?? '') === '' && this.env['TERM'] !== 'dumb'
    );
  }

  async close(): Promise<void> {
    await this.#ops?.close();
    this.#ops = undefined;
    await this.#connection?.close();
    this.#connection = undefined;
  }
}
