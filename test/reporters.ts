/** Where LOCKD_TEST_REPORT names a file, the results go there too, as JSON: CI adds up the suites. */
const file = process.env.LOCKD_TEST_REPORT;

export const reporting =
  file === undefined ? {} : { reporters: ['default', 'json'], outputFile: { json: file } };
