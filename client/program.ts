import { Command, CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import type { CommandContext } from './context.js';
import { commandParts } from './command-parts.js';
import { exitCodes, reportError } from './output.js';

/**
 * The `millrace` command line; every command takes `--json`, `--project` and `--help`.
 *
 * @param argv what was typed, for a program that knows only the command named there; without it, it knows all of them
 */
export async function createProgram(context: CommandContext, argv: readonly string[] = []): Promise<Command> {
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
  const word = commandWord(argv);
  const named = commandParts.filter(({ names }) => names.some((name) => name === word));
  // What is no command needs them all: the help lists them, and a name with a typing error is answered with those like it.
  const parts = named.length > 0 ? named : commandParts;
  for (const { load } of parts) {
    const register = await load();
    register(program, context);
  }
  inheritSettings(program);
  return program;
}

/** Runs one command line and returns its exit code; never throws. */
export async function runCommand(context: CommandContext, argv: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(context, argv);
    await program.parseAsync([...argv], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return reportError(context.output, argv.includes('--json'), error);
  } finally {
    await context.close();
  }
}

/** The first word that is neither `--project` nor its folder. */
function commandWord(argv: readonly string[]): string | undefined {
  let at = 0;
  while (argv[at]?.startsWith('--project') === true) at += argv[at] === '--project' ? 2 : 1;
  return argv[at];
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
