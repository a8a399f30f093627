import { isBigQueryWanted, obtainBigQueryEmulator, obtainFakesnow } from './obtain.js';

/**
 * `npm run peers`: gets the servers that stand for Snowflake and, with `MILLRACE_TEST_BIGQUERY=1`, for BigQuery in the
 * tests; ends with 1 where one is missing.
 */
const tell = (line: string) => process.stderr.write(`${line}\n`);
for (const [name, obtain] of [
  ['fakesnow', obtainFakesnow],
  ...(isBigQueryWanted ? [['BigQuery emulator', obtainBigQueryEmulator] as const] : []),
] as const) {
  try {
    tell(`${name}: ${await obtain(tell)}`);
  } catch (error) {
    tell(`${name}: not obtained: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
