import {
  hasGo,
  isBigQueryWanted,
  obtainBigQueryEmulator,
  obtainFakeGcs,
  obtainFakesnow,
  obtainMoto,
} from './obtain.js';

/**
 * `npm run peers`: gets the servers that stand in the tests for Snowflake, S3, Google Cloud Storage (where there is Go) and,
 * with `MILLRACE_TEST_BIGQUERY=1`, BigQuery; ends with 1 where one is missing.
 */
const tell = (line: string) => process.stderr.write(`${line}\n`);
for (const [name, obtain] of [
  ['fakesnow', obtainFakesnow],
  ['moto', obtainMoto],
  ...((await hasGo()) ? [['fake-gcs-server', obtainFakeGcs] as const] : []),
  ...(isBigQueryWanted ? [['BigQuery emulator', obtainBigQueryEmulator] as const] : []),
] as const) {
  try {
    tell(`${name}: ${await obtain(tell)}`);
  } catch (error) {
    tell(`${name}: not obtained: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
