import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commandParts } from '../../client/command-parts.js';
import { CommandContext } from '../../client/context.js';
import { createProgram, runCommand } from '../../client/program.js';
import { root } from '../architecture/source-tree.js';

function newContext() {
  const written = { stdout: '', stderr: '' };
  const output = {
    stdout: (text: string) => void (written.stdout += text),
    stderr: (text: string) => void (written.stderr += text),
  };
  return { context: new CommandContext({ output, env: {}, cwd: root }), written };
}

async function namesFor(...argv: string[]): Promise<string[]> {
  const { commands } = await createProgram(newContext().context, argv);
  return commands.map((command) => command.name());
}

/** Packages that a fresh process has loaded once it knows the command. */
function packagesFor(command: string): string[] {
  const address = (path: string) => JSON.stringify(pathToFileURL(join(root, 'dist', path)).href);
  const script = `
    import Module from 'node:module';
    const { createProgram } = await import(${address('client/program.js')});
    const { CommandContext } = await import(${address('client/context.js')});
    await createProgram(new CommandContext({ output: {}, env: {}, cwd: '.' }), [${JSON.stringify(command)}]);
    process.stdout.write(JSON.stringify(Object.keys(Module._cache)));`;
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  const packages = (JSON.parse(text) as string[]).map(
    (path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path.replaceAll('\\', '/'))?.[1] ?? '',
  );
  return [...new Set(packages)];
}

describe('the command line', () => {
  test('every part declares the commands that it is loaded for', async () => {
    for (const { names } of commandParts) expect(await namesFor(names[0] ?? '')).toEqual(names);
  });

  test('knows the named command alone, also behind the folder of the project', async () => {
    expect(await namesFor('dag', 'list')).toEqual(['dag']);
    expect(await namesFor('--project', 'pool', 'worker')).toEqual(['worker', 'gateway']);
    expect(await namesFor('--project=pool', 'run', 'list')).toEqual(['run']);
  });

  test('knows all commands where none is named', async () => {
    const all = commandParts.flatMap(({ names }) => names);
    for (const argv of [[], ['--help'], ['help', 'dag'], ['--help', 'dag'], ['dagg']])
      expect(await namesFor(...argv)).toEqual(all);
  });

  test('answers a typing error with the command that is meant', async () => {
    const { context, written } = newContext();
    expect(await runCommand(context, ['quarantin'])).toBe(2);
    expect(written.stderr).toContain('Did you mean quarantine?');
  });

  test.each(['dag', 'deploy', 'query'])('loads for %s nothing that other commands need', (command) => {
    const loaded = packagesFor(command);
    expect(loaded).toContain('ajv');
    const ofOthers = ['@temporalio/worker', '@temporalio/testing', 'rxjs', 'undici', 'pg', 'kysely', 'pino'];
    expect(loaded.filter((name) => ofOthers.includes(name))).toEqual([]);
    if (command === 'query') expect(loaded).not.toContain('@temporalio/client');
  });
});
