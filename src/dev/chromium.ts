/** Finds the browser for tests of the explorer and the console, and for pictures. */

import { existsSync } from "node:fs";

/**
 * The path of Chromium; undefined if it is missing. The variable CHROMIUM overrides it. The headless shell comes first,
 * because it draws the same pages with two thirds of the CPU.
 */
export const CHROMIUM = [
  process.env.CHROMIUM,
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
].find((path) => path !== undefined && existsSync(path));
