import { expect, test } from '@jest/globals';
import { staleStageFiles } from '../../connectors/snowflake/stage-files.js';

test('files of a stage that a dead process left are known by their age, and no other name becomes part of a statement', () => {
  const of = (name: string, last_modified: string) => ({ name, size: '1', md5: 'm', last_modified });
  const old = 'Thu, 01 Jan 2026 10:00:00 GMT';
  const rows = [
    of('_millrace_stage/_MILLRACE_TMP_A_BATCH/a1.csv.gz', old),
    of('_millrace_stage/_MILLRACE_TMP_B_BATCH/b1.csv.gz', 'Sat, 03 Jan 2026 10:00:00 GMT'),
    of("_millrace_stage/x'; DROP TABLE items; --", old),
    of('_millrace_stage/no-date', 'never'),
    of('_millrace_stage', old),
  ];
  expect(staleStageFiles(rows, Date.parse('2026-01-02T10:00:00Z'))).toEqual([
    '_MILLRACE_TMP_A_BATCH/a1.csv.gz',
  ]);
});
