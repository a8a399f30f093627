import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { cacheDirectory } from '../../client/temporal/obtain-cli.js';
import { once } from './make-once.js';
import { run, tellTime } from './obtain.js';

const debianPackage = 'mariadb-server-core';

/**
 * A MariaDB server: the one on the PATH, or else Debian's package and the libraries that this machine has not, unpacked once
 * into Millrace's cache; nothing is installed, and nobody has to be root. @throws Error naming what is missing
 */
export async function obtainMariadb(onProgress: (line: string) => void): Promise<string> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  const installed = folders.map((folder) => join(folder, 'mariadbd')).find((path) => existsSync(path));
  if (installed !== undefined) return installed;
  const folder = join(cacheDirectory(process.env), 'peers', 'mariadb');
  return once(folder, join(folder, 'usr', 'sbin', 'mariadbd'), async (target) => {
    const stop = tellTime(`MariaDB: unpacking Debian's package, once`, () => '', onProgress);
    try {
      await unpackDebian(target, onProgress);
    } finally {
      stop();
    }
  });
}

/** Lists and archives of its own, so that neither the ones of the system nor their locks are touched. */
async function unpackDebian(target: string, onProgress: (line: string) => void): Promise<void> {
  const apt = join(target, 'apt');
  for (const folder of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(apt, folder), { recursive: true });
  const options = [
    `Dir::State::lists=${join(apt, 'lists')}`,
    `Dir::Cache=${join(apt, 'cache')}`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=root',
    'Acquire::Retries=3',
  ].flatMap((option) => ['-o', option]);
  const aptGet = (...args: readonly string[]) => run('apt-get', ['-qq', ...options, ...args], {}, onProgress);
  await aptGet('update');
  await aptGet('install', '-y', '--no-install-recommends', '--download-only', debianPackage);
  const archives = join(apt, 'cache', 'archives');
  for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb')))
    await run('dpkg', ['-x', join(archives, name), target], {}, onProgress);
  rmSync(apt, { recursive: true, force: true });
}

/** Where the files beside a server's program are, and its libraries where they are not the system's. */
export function filesOfMariadb(program: string): {
  readonly share: string;
  readonly libraries: readonly string[];
} {
  const base = dirname(dirname(program));
  const share = [join(base, 'share', 'mysql'), join(base, 'share', 'mariadb')].find((path) =>
    existsSync(join(path, 'mysql_system_tables.sql')),
  );
  if (share === undefined) throw new Error(`${program} has no share/mysql/mysql_system_tables.sql beside it`);
  if (!base.startsWith(cacheDirectory(process.env))) return { share, libraries: [] };
  const libraries = [join(base, 'lib'), join(dirname(base), 'lib')].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith('-linux-gnu'))
          .map((name) => join(folder, name))
      : [],
  );
  return { share, libraries };
}
