/**
 * Finds the browser that the tests drive: `$CHROMIUM_PATH`, then a Chromium or Chrome on `PATH` or where macOS keeps it.
 * As a command it prints the path, or ends with 1 where there is none.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const elsewhere = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

/** What to do where there is none. */
export const howToGetChromium =
  'install Chromium or Chrome (on Debian: scripts/install-chromium.sh), or set CHROMIUM_PATH';

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function findChromium(env) {
  if (env.CHROMIUM_PATH) return isExecutable(env.CHROMIUM_PATH) ? env.CHROMIUM_PATH : undefined;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...paths, ...elsewhere].find(isExecutable);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const path = findChromium(process.env);
  if (path === undefined) {
    process.stderr.write(`no Chromium: ${howToGetChromium}\n`);
    process.exitCode = 1;
  } else process.stdout.write(`${path}\n`);
}
