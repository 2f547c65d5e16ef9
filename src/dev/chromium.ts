/** Where the browser is that shows the explorer and the console to tests, and that takes pictures. */

import { existsSync } from "node:fs";

/** The path of Chromium; undefined if it is missing. The variable CHROMIUM overrides it. */
export const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);
