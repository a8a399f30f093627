import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../../client/temporal/obtain-cli.js';
import { once } from './make-once.js';

/** Packages of PyPI that speak Snowflake's protocol, pinned: their behaviour is part of the tests. */
const pythonPackages = [
  'fakesnow[server]==0.12.1',
  'snowflake-connector-python==4.8.1',
  'duckdb==2.0.1',
  'sqlglot==30.22.0',
  'pyarrow==26.0.1',
];
/** Packages of PyPI that speak the protocol of S3. */
const motoPackages = ['moto[s3,server]==5.2.5'];
/** Schedulers of PyPI that run what stands in `examples/`. */
const airflowPackages = [
  'apache-airflow==3.3.2',
  'apache-airflow-providers-http==6.3.0',
  'apache-airflow-providers-standard==1.21.0',
];
const prefectPackages = ['prefect==3.9.1'];
const emulatorVersion = 'v0.8.1';
const fakeGcsVersion = 'v1.56.1';

const emulatorFolder = join(cacheDirectory(process.env), 'peers', `bigquery-emulator-${emulatorVersion}`);
const emulatorBinary = join(emulatorFolder, 'bigquery-emulator');

/**
 * True where `MILLRACE_TEST_BIGQUERY=1` asks for the emulator, which takes minutes to build, and where it was built before, unless
 * that variable is `0`.
 */
export const isBigQueryWanted =
  process.env['MILLRACE_TEST_BIGQUERY'] === '1' ||
  (process.env['MILLRACE_TEST_BIGQUERY'] !== '0' && existsSync(emulatorBinary));

/** True where `MILLRACE_TEST_AIRFLOW=1` asks for Airflow, and `MILLRACE_TEST_PREFECT=1` for Prefect: many packages each. */
export const isAirflowWanted = process.env['MILLRACE_TEST_AIRFLOW'] === '1';
export const isPrefectWanted = process.env['MILLRACE_TEST_PREFECT'] === '1';

/** One line for a person, such as a step begun. */
type OnProgress = (line: string) => void;

/** A Python that has fakesnow. Installed once into Millrace's cache. @throws Error naming what is missing */
export function obtainFakesnow(onProgress: OnProgress): Promise<string> {
  const folder = join(cacheDirectory(process.env), 'peers', 'fakesnow-0.12.1');
  const python = join(folder, 'bin', 'python');
  return once(folder, python, async (target) => {
    await installOnce('fakesnow', pythonPackages, target, onProgress);
  });
}

/** A Python that has moto. Installed once into Millrace's cache. @throws Error naming what is missing */
export function obtainMoto(onProgress: OnProgress): Promise<string> {
  const folder = join(cacheDirectory(process.env), 'peers', 'moto-5.2.5');
  return once(folder, join(folder, 'bin', 'python'), async (target) => {
    await installOnce('moto', motoPackages, target, onProgress);
  });
}

/** A Python that has Airflow. Installed once into Millrace's cache. @throws Error naming what is missing */
export function obtainAirflow(onProgress: OnProgress): Promise<string> {
  const folder = join(cacheDirectory(process.env), 'peers', 'airflow-3.3.2');
  return once(folder, join(folder, 'bin', 'python'), async (target) => {
    await installOnce('Airflow', airflowPackages, target, onProgress);
  });
}

/** A Python that has Prefect. Installed once into Millrace's cache. @throws Error naming what is missing */
export function obtainPrefect(onProgress: OnProgress): Promise<string> {
  const folder = join(cacheDirectory(process.env), 'peers', 'prefect-3.9.1');
  return once(folder, join(folder, 'bin', 'python'), async (target) => {
    await installOnce('Prefect', prefectPackages, target, onProgress);
  });
}

/** A server of Google Cloud Storage's API. Built once with Go into Millrace's cache. @throws Error naming what is missing */
export function obtainFakeGcs(onProgress: OnProgress): Promise<string> {
  const folder = join(cacheDirectory(process.env), 'peers', `fake-gcs-server-${fakeGcsVersion}`);
  return once(folder, join(folder, 'fake-gcs-server'), async (target) => {
    mkdirSync(target, { recursive: true });
    const stop = tellTime(
      'fake-gcs-server: building with Go, once (two minutes on two cores)',
      () => '',
      onProgress,
    );
    try {
      const product = `github.com/fsouza/fake-gcs-server@${fakeGcsVersion}`;
      await run('go', ['install', product], { env: { ...process.env, GOBIN: target } }, () => undefined);
    } finally {
      stop();
    }
  });
}

/** Whether Go is here: without it there is no server for the API of Google Cloud Storage. */
export async function hasGo(): Promise<boolean> {
  return run('go', ['version'], {}, () => undefined).then(
    () => true,
    () => false,
  );
}

async function installOnce(
  name: string,
  packages: readonly string[],
  target: string,
  onProgress: OnProgress,
): Promise<void> {
  const base = await findPython();
  const stop = tellTime(
    `${name}: installing with ${base.command}, once (about a minute)`,
    () => '',
    onProgress,
  );
  try {
    await installPackages(base, packages, target, onProgress);
  } finally {
    stop();
  }
}

interface Python {
  readonly command: string;
  /** Who brings pip into a new environment: Python's own `ensurepip`, or else the `pip` beside this Python. */
  readonly installer: 'ensurepip' | 'pip';
}

/** A virtual environment in `target` with the packages. Debian's Python has `ensurepip` in a package of its own. */
async function installPackages(
  { command, installer }: Python,
  packages: readonly string[],
  target: string,
  onProgress: OnProgress,
): Promise<void> {
  const python = join(target, 'bin', 'python');
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  if (installer === 'ensurepip') {
    await run(command, ['-m', 'venv', target], {}, onProgress);
    await run(python, [...install, ...packages], {}, onProgress);
    return;
  }
  await run(command, ['-m', 'venv', '--without-pip', target], {}, onProgress);
  const print = "import sysconfig; print(sysconfig.get_path('purelib'))";
  const library = (await run(python, ['-c', print], {}, onProgress)).trim();
  await run(command, [...install, '--target', library, ...packages], {}, onProgress);
}

/** The BigQuery emulator. Built once with Go into Millrace's cache. @throws Error naming what is missing */
export function obtainBigQueryEmulator(onProgress: OnProgress): Promise<string> {
  return once(emulatorFolder, emulatorBinary, async (target) => {
    if (!(await hasGo()))
      throw new Error('it is built with Go (https://go.dev/doc/install), which is not here');
    // The module has no list of versions, so "go install …@version" is refused; a main module that requires it is not.
    mkdirSync(target, { recursive: true });
    writeFileSync(
      join(target, 'go.mod'),
      `module millrace/bigquery-emulator\n\ngo 1.24\n\nrequire github.com/goccy/bigquery-emulator ${emulatorVersion}\n`,
    );
    let packages = 0;
    const stop = tellTime(
      'BigQuery emulator: building with Go, once (about seven minutes on two cores)',
      () => `, ${String(packages)} packages`,
      onProgress,
    );
    try {
      await run(
        'go',
        [
          ...['build', '-p', '1', '-v', '-mod=mod', '-o', join(target, 'bigquery-emulator')],
          'github.com/goccy/bigquery-emulator/cmd/bigquery-emulator',
        ],
        { cwd: target },
        () => {
          packages += 1;
        },
      );
    } finally {
      stop();
    }
  });
}

/** Tells how long a step has taken, at once and every ten seconds until the returned function is called. */
export function tellTime(step: string, detail: () => string, onProgress: OnProgress): () => void {
  const started = Date.now();
  const tell = () => {
    const seconds = Math.round((Date.now() - started) / 1000);
    onProgress(`${step}: ${String(seconds)} s${detail()} …`);
  };
  tell();
  const timer = setInterval(tell, 10_000);
  return () => {
    clearInterval(timer);
  };
}

/** Prints who installs packages, or fails where they cannot be installed. */
const probe = `
import sys, venv
assert sys.version_info >= (3, 11)
try:
    import ensurepip
    print('ensurepip')
except ImportError:
    import pip
    print('pip')
`;

async function findPython(): Promise<Python> {
  for (const command of ['python3.13', 'python3.12', 'python3.11', 'python3']) {
    const installer = (await run(command, ['-c', probe], {}, () => undefined).catch(() => '')).trim();
    if (installer === 'ensurepip' || installer === 'pip') return { command, installer };
  }
  throw new Error('the peers from PyPI need Python 3.11 or later with venv or pip; none was found');
}

export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv },
  onLine: OnProgress,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let last = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString('utf8').split('\n')) {
        if (line.trim() === '') continue;
        last = line.trim();
        onLine(last);
      }
    });
    child.on('error', (error) => {
      reject(new Error(`${command} cannot be run (${error.message})`));
    });
    child.on('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${command} ${args.slice(0, 3).join(' ')} failed: ${last}`));
    });
  });
}
