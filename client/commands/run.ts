import type { Command } from 'commander';
import type { CommandContext } from '../context.js';
import { registerRunControl } from './run-control.js';

/** `millrace run …`: one run. */
export function registerRun(program: Command, context: CommandContext): void {
  const run = program.command('run').description('one run: cancel');
  registerRunControl(run, context);
}
