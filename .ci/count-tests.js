// Adds up the JSON reports of the test suites in a folder and prints `N passed, N failed`. Exits 1 where one failed or
// no report is there: a suite that did not get as far as its report has failed too.
import { readdirSync, readFileSync } from 'node:fs';

const [, , folder] = process.argv;
const reports = readdirSync(folder).map((name) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')));
const sum = (key) => reports.reduce((total, report) => total + report[key], 0);
const passed = sum('numPassedTests');
const failed =
  sum('numFailedTests') + (reports.some((report) => !report.success && report.numFailedTests === 0) ? 1 : 0);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || reports.length < 2 ? 1 : 0);
