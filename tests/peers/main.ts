import { obtainMariadb } from './mariadb.js';
import {
  hasGo,
  isAirflowWanted,
  isBigQueryWanted,
  isPrefectWanted,
  obtainAirflow,
  obtainBigQueryEmulator,
  obtainFakeGcs,
  obtainFakesnow,
  obtainMoto,
  obtainPrefect,
} from './obtain.js';

/**
 * `npm run peers`: gets the servers that stand in the tests for Snowflake, S3, MySQL, Google Cloud Storage (where there is Go) and,
 * with `MILLRACE_TEST_BIGQUERY=1` (and where it was built before), BigQuery; with `MILLRACE_TEST_AIRFLOW=1` and `MILLRACE_TEST_PREFECT=1` those schedulers; ends with 1 where one is missing.
 */
const tell = (line: string) => process.stderr.write(`${line}\n`);
for (const [name, obtain] of [
  ['fakesnow', obtainFakesnow],
  ['moto', obtainMoto],
  ['MariaDB', obtainMariadb],
  ...((await hasGo()) ? [['fake-gcs-server', obtainFakeGcs] as const] : []),
  ...(isAirflowWanted ? [['Airflow', obtainAirflow] as const] : []),
  ...(isPrefectWanted ? [['Prefect', obtainPrefect] as const] : []),
  ...(isBigQueryWanted ? [['BigQuery emulator', obtainBigQueryEmulator] as const] : []),
] as const) {
  try {
    tell(`${name}: ${await obtain(tell)}`);
  } catch (error) {
    tell(`${name}: not obtained: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
