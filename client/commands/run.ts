import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { registerRunClear } from './run-clear.js';
import { registerRunControl } from './run-control.js';

/** `millrace run …`: one run. */
export function registerRun(program: Command, context: CommandContext): void {
  const run = program.command('run').description('one run: clear, retry, cancel');
  registerRunClear(run, context);
  registerRunControl(run, context);
}
