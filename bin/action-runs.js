#!/usr/bin/env node
/**
 * Starts the command line. A package has its build. A clone has its source, which needs a Node that runs TypeScript:
 * `npx` finds the project's own. This file is no build, because npx links only what is there after `npm ci`.
 */

import { existsSync } from "node:fs";

const source = new URL("../src/cli/main.ts", import.meta.url);

if (!existsSync(source)) await import("../dist/cli/main.js");
else if (process.features.typescript) await import(source.href);
else {
  console.error(
    `action-runs: This is a clone, and Node ${process.versions.node} can't run its source. Use npx --no-install action-runs after npm ci.`,
  );
  process.exitCode = 2;
}
