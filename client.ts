#!/usr/bin/env node
import { CommandContext } from './client/context.js';
import { runCommand } from './client/program.js';
import { limits } from './core/limits.js';

/** The `millrace` command. */
const context = new CommandContext({
  output: {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    isTerminal: process.stdout.isTTY,
  },
  env: process.env,
  cwd: process.cwd(),
});
process.exitCode = await runCommand(context, process.argv.slice(2));
// A driver that still asks a server that is away must not hold the process: it is started again only when it has ended.
setTimeout(() => process.exit(), limits.processLingerMs).unref();
