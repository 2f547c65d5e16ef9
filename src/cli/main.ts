#!/usr/bin/env node
/** The command line: parses, runs one command, prints its error if it fails, and exits with its code. */

import { errorSentence, exitCodeOf } from "./exit.ts";
import { complain, exitWhenReaderIsGone } from "./output.ts";

import { createProgram } from "./program.ts";

process.stdout.on("error", exitWhenReaderIsGone);
process.stderr.on("error", () => {});

// CI products set a variable to "" if they have no value for it. Treat that as not set.
for (const [name, value] of Object.entries(process.env)) {
  if (value === "" && /^(ACTION_RUNS|CALLBACK)_/.test(name)) delete process.env[name];
}

try {
  await createProgram().parseAsync();
} catch (thrown) {
  const sentence = errorSentence(thrown);
  if (sentence !== null) complain(sentence);
  process.exitCode = exitCodeOf(thrown);
}
// Wait for the output, but not for connections that fetch keeps alive.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit();
