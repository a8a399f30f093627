// "files REPORT": paths of the test files that failed. "counts REPORT [AGAIN]": numbers of tests that passed and failed; AGAIN
// is the report of a second run of those files, and what it says of a test holds. Names go to standard error.
import { existsSync, readFileSync } from 'node:fs';

const print = (line) => process.stdout.write(`${line}\n`);
const warn = (line) => process.stderr.write(`${line}\n`);

const [what, ...paths] = process.argv.slice(2);
const [first, again] = paths
  .filter((path) => existsSync(path))
  .map((path) => JSON.parse(readFileSync(path, 'utf8')));
const failing = first.testResults.filter(({ status }) => status === 'failed');

if (what === 'files') for (const { name } of failing) print(name);
else {
  const suites = new Map(first.testResults.map((suite) => [suite.name, suite]));
  for (const suite of again?.testResults ?? []) suites.set(suite.name, suite);
  let passed = 0;
  let failed = 0;
  for (const { name, status, assertionResults } of suites.values()) {
    const ended = (outcome) => assertionResults.filter((test) => test.status === outcome);
    passed += ended('passed').length;
    failed += ended('failed').length;
    for (const { fullName } of ended('failed')) warn(`FAILED ${fullName}`);
    // A file that broke before or after its tests counts as one failure.
    if (status === 'failed' && ended('failed').length === 0) {
      failed += 1;
      warn(`FAILED ${name}`);
    }
  }
  for (const { name, assertionResults } of failing)
    if (suites.get(name).status !== 'failed')
      for (const { fullName } of assertionResults.filter((test) => test.status === 'failed'))
        warn(`UNSTABLE ${fullName}: failed once, passed when its file ran by itself`);
  print(`${passed} ${failed}`);
}
