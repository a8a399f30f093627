import { existsSync } from 'node:fs';

/** Folders whose tests run a real Temporal server. */
const temporalTests = ['tests/engine/', 'tests/faults/', 'tests/cli/', 'tests/demo/'];

/**
 * Finds a Temporal server for the tests, or gets one as `millrace dev` does. Where none can be had, the tests that need it
 * are left out and named; with CI=true that is a failure.
 */
async function withoutTemporal() {
  try {
    const { obtainTemporalCli } = await import('./dist/client/temporal/obtain-cli.js');
    await obtainTemporalCli({ env: process.env, onProgress: (line) => process.stderr.write(`${line}\n`) });
    return [];
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    process.stderr.write(
      `Skipped, for want of a Temporal server: ${temporalTests.join(', ')}\n${error.message}\n`,
    );
    return temporalTests;
  }
}

/** Tests that need a browser are left out and named where there is none; with CI=true that is a failure. */
function withoutBrowser() {
  const { CHROMIUM_PATH, CI } = process.env;
  const paths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  if ([CHROMIUM_PATH, ...paths].some((path) => path && existsSync(path))) return [];
  if (CI === 'true') throw new Error('no Chromium for tests/browser/; install it, or set CHROMIUM_PATH');
  process.stderr.write('Skipped, for want of a Chromium: tests/browser/\n');
  return ['tests/browser/'];
}

/** @returns {Promise<import('jest').Config>} */
export default async function config() {
  return {
    testEnvironment: 'node',
    roots: ['<rootDir>/tests'],
    testMatch: ['**/*.test.ts'],
    testPathIgnorePatterns: ['/node_modules/', ...(await withoutTemporal()), ...withoutBrowser()],
    extensionsToTreatAsEsm: ['.ts'],
    transform: {
      '^.+\\.ts$': [
        '@swc/jest',
        { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } },
      ],
    },
    moduleNameMapper: {
      '^millrace$': '<rootDir>/index.ts',
      '^millrace/client$': '<rootDir>/client/index.ts',
      '^millrace/testing$': '<rootDir>/testing/index.ts',
      '^millrace/testing/kit$': '<rootDir>/testing/kit/index.ts',
      '^(\\.{1,2}/.*)\\.js$': '$1',
    },
    testTimeout: 60_000,
    maxWorkers: 2,
  };
}
