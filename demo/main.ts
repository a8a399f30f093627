import { parseArgs } from 'node:util';
import { isPipelineError } from '../core/errors/index.js';
import { startDemo, type Demo } from './run-demo.js';
import { LiveView, renderView } from './view.js';

const drawEveryMs = 500;

const help = `npm run demo [-- --once] [-- --json]

Starts Temporal, a worker, a gateway, a shop and visitors, runs the DAGs of dags/, and shows what happens.

  --once   end when everything has arrived and been reconciled; exit code 1 where anything differs
  --json   with --once: print one JSON report on stdout, nothing else
`;

/** `npm run demo`. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { once: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  const stopped = new Promise<'stopped'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        resolve('stopped');
      });
  });
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  const starting = startDemo(process.env, tell);
  const first = await Promise.race([starting, stopped]);
  const demo = first === 'stopped' ? await starting : first;
  try {
    if (first === 'stopped') return 130;
    return values.once === true
      ? await runOnce(demo, values.json === true, stopped)
      : await runLive(demo, stopped);
  } finally {
    await demo.stop();
  }
}

async function runOnce(demo: Demo, isJson: boolean, stopped: Promise<'stopped'>): Promise<number> {
  const outcome = await Promise.race([demo.settled, stopped]);
  if (outcome === 'stopped') return 130;
  process.stdout.write(
    isJson ? `${JSON.stringify(outcome.report, undefined, 2)}\n` : `${renderView(await demo.snapshot())}\n`,
  );
  for (const problem of outcome.problems) process.stderr.write(`differs: ${problem}\n`);
  return outcome.problems.length === 0 ? 0 : 1;
}

async function runLive(demo: Demo, stopped: Promise<'stopped'>): Promise<number> {
  const view = new LiveView((text) => process.stdout.write(text));
  const ending = new AbortController();
  const failure = demo.settled.then(
    () => new Promise<never>(() => undefined),
    (error: unknown) => {
      throw error;
    },
  );
  const drawing = (async () => {
    while (!ending.signal.aborted) {
      view.draw(renderView(await demo.snapshot()));
      await Promise.race([new Promise((resolve) => setTimeout(resolve, drawEveryMs)), stopped]);
    }
  })();
  try {
    await Promise.race([stopped, failure, drawing]);
  } finally {
    ending.abort();
    await drawing.catch(() => undefined);
  }
  process.stderr.write('stopping …\n');
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const code = isPipelineError(error) ? ` [${error.code}]` : '';
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}${code}\n`);
  process.exitCode = 1;
}
