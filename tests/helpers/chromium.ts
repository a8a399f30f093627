import { existsSync } from 'node:fs';

/** Where Debian and others put a Chromium; `CHROMIUM_PATH` names another one. */
export const chromiumPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** @throws Error where there is none */
export function findChromium(): string {
  const path = [process.env['CHROMIUM_PATH'] ?? '', ...chromiumPaths].find((candidate) =>
    existsSync(candidate),
  );
  if (path === undefined)
    throw new Error('no Chromium: install it (Debian: apt-get install chromium), or set CHROMIUM_PATH');
  return path;
}
