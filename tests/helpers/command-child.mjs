import { CommandContext } from '../../dist/client/context.js';
import { runCommand } from '../../dist/client/program.js';

// Runs the command lines that come as messages, each in a context of its own, as `client.ts` does; ends with its parent.
process.on('message', async ({ id, argv, env }) => {
  const written = { stdout: '', stderr: '' };
  const output = {
    stdout: (text) => (written.stdout += text),
    stderr: (text) => (written.stderr += text),
  };
  const code = await runCommand(new CommandContext({ output, env, cwd: process.cwd() }), argv);
  process.send({ id, outcome: { code, ...written } });
});
process.on('disconnect', () => process.exit());
