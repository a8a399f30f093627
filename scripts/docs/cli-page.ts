import type { Command } from 'commander';
import { CommandContext } from '../../client/context.js';
import { createProgram } from '../../client/program.js';

/** `docs/reference/cli.md`: every command with its help, as `--help` prints it. */
export async function cliPage(): Promise<string> {
  const output = { stdout: () => undefined, stderr: () => undefined };
  const program = await createProgram(new CommandContext({ output, env: {}, cwd: '.' }));
  return [
    '# Command line',
    '',
    'Generated from the commands by `npm run docs`. Every command takes `--json` for one JSON document on stdout, and `--project` for',
    'another folder than the working directory. Errors go to stderr and say what to do.',
    '',
    '| exit code | meaning                                                                        |',
    '| --------- | ------------------------------------------------------------------------------ |',
    '| 0         | done                                                                           |',
    '| 1         | done, and something was found wrong: a failed run, a difference, a row refused |',
    '| 2         | the command line is wrong, or names what does not exist                        |',
    '| 69        | Temporal, the warehouse or a source cannot be reached                          |',
    '| 78        | settings or a DAG file are wrong                                               |',
    '',
    ...leaves(program, 'millrace'),
  ].join('\n');
}

function leaves(command: Command, path: string): string[] {
  return command.commands.flatMap((child) => {
    const name = `${path} ${child.name()}`;
    if (child.commands.length > 0) return leaves(child, name);
    return [`## ${name}`, '', '```text', helpOf(child).trim(), '```', ''];
  });
}

/** The help with its example, at a fixed width. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
}
