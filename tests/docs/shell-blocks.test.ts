import { describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { CommandContext } from '../../client/context.js';
import { createProgram } from '../../client/program.js';
import { readText } from '../architecture/source-tree.js';
import { blocksInLanguage } from './pages.js';

const output = { stdout: () => undefined, stderr: () => undefined };
const program = await createProgram(new CommandContext({ output, env: {}, cwd: '.' }));
const { scripts } = JSON.parse(readText('package.json')) as { scripts: Record<string, string> };

/** Every command of a shell block, one a line. */
const lines = blocksInLanguage('sh').flatMap(([place, { text }]) =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line): [string, string] => [`${place} ${line}`, line]),
);

function find(words: readonly string[]): { command: Command; rest: readonly string[] } {
  let command: Command = program;
  let at = 0;
  for (; at < words.length; at += 1) {
    const child = command.commands.find((candidate) => candidate.name() === words[at]);
    if (child === undefined) break;
    command = child;
  }
  return { command, rest: words.slice(at) };
}

describe('commands in the pages', () => {
  const ofMillrace = lines.filter(([, line]) => /(^|npx )millrace /.test(line));

  test('are found', () => {
    expect(ofMillrace.length).toBeGreaterThan(8);
  });

  test.each(ofMillrace)('%s exists with its options and arguments', (_place, line) => {
    const words = (/millrace (.*?)\\?$/.exec(line)?.[1] ?? '').match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
    const { command, rest } = find(words);
    expect(command.commands).toHaveLength(0);
    const flags = rest.filter((word) => word.startsWith('--'));
    const known = [...command.options, ...program.options].map(({ long }) => long);
    expect(flags.filter((flag) => !known.includes(flag))).toEqual([]);
    const needed = command.options.filter(({ mandatory }) => mandatory).map(({ long }) => long);
    expect(needed.filter((flag) => !flags.includes(flag!))).toEqual([]);
    const withValue = [...command.options, ...program.options]
      .filter((option) => option.required || option.optional)
      .map(({ long }) => long);
    const given = rest.filter(
      (word, at) => !word.startsWith('--') && !withValue.includes(rest[at - 1]),
    ).length;
    const takes = command.registeredArguments;
    expect(given).toBeGreaterThanOrEqual(takes.filter((argument) => argument.required).length);
    if (!takes.some(({ variadic }) => variadic)) expect(given).toBeLessThanOrEqual(takes.length);
  });

  test('npm scripts exist', () => {
    const names = lines.flatMap(([, line]) =>
      [...line.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1] ?? ''),
    );
    expect(names.filter((name) => !(name in scripts))).toEqual([]);
  });
});
