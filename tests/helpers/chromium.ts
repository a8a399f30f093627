import { chromium, type Browser } from 'playwright-core';

/**
 * Starts the browser that `jest.config.mjs` has found.
 * @throws Error where there is none
 */
export async function launchChromium(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM_PATH'];
  if (executablePath === undefined)
    throw new Error(
      'no Chromium: scripts/install-chromium.sh gets one on Debian, CHROMIUM_PATH names another',
    );
  // Its sandbox needs rights that a container does not give; the pages are the test's own.
  return chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: 60_000 });
}
