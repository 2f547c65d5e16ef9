#!/usr/bin/env node
/** The command line: parses, runs one command, says what went wrong, and exits by what came of it. */

import { exitCodeOf, sentenceOf } from "./exit.ts";
import { complain, exitWhenReaderIsGone } from "./output.ts";
import { createProgram } from "./program.ts";

process.stdout.on("error", exitWhenReaderIsGone);
process.stderr.on("error", () => {});

// Where a CI product has nothing to put into a variable, it sets it to nothing.
for (const [name, value] of Object.entries(process.env)) {
  if (value === "" && /^(ACTION_RUNS|CALLBACK)_/.test(name)) delete process.env[name];
}

try {
  await createProgram().parseAsync();
} catch (thrown) {
  const sentence = sentenceOf(thrown);
  if (sentence !== null) complain(sentence);
  process.exitCode = exitCodeOf(thrown);
}
// A connection that is kept alive is no reason to stay, output that is under way is.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit();
