import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a command printed and how it ended. */
export interface CommandOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Answer {
  readonly id: number;
  readonly outcome: CommandOutcome;
}

/** Commands that neither load DAG files, which a process loads once only, nor read their input, nor run until a signal. */
const commands = new Set([
  ...['alarms', 'anomalies', 'approval', 'asset', 'backfill', 'dag', 'hooks', 'identity', 'inbox', 'pool'],
  ...['quarantine', 'query', 'reconcile', 'run', 'staging'],
]);

/** True for a command line that one process may run after others. */
export function isForCommandProcess([command = '', subcommand]: readonly string[]): boolean {
  return commands.has(command) && !(command === 'dag' && subcommand === 'sample');
}

/**
 * A process that runs commands of the built product one after another or side by side, each as if by itself: most commands
 * take far less time to run than a process to start.
 */
export class CommandProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (outcome: CommandOutcome) => void>();
  #written = '';
  #count = 0;

  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#child = fork(fileURLToPath(new URL('./command-child.mjs', import.meta.url)), {
      cwd: folder,
      env,
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#written += chunk.toString('utf8')));
    this.#child.on('message', ({ id, outcome }: Answer) => {
      this.#waiting.get(id)?.(outcome);
      this.#waiting.delete(id);
    });
    this.#child.once('close', (code) => {
      for (const settle of this.#waiting.values()) settle({ code, stdout: '', stderr: this.#written });
      this.#waiting.clear();
    });
  }

  run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandOutcome> {
    if (!this.#child.connected) throw new Error(`the process of the commands has ended: ${this.#written}`);
    this.#count += 1;
    const id = this.#count;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, argv, env });
    });
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}
