/** Where the tests keep databases. They write all the time, and nothing of it is kept. */

import { existsSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

/** The folder of Linux whose files are in memory. Programs in it may not be allowed to start. */
const IN_MEMORY = "/dev/shm";
/** Several times what all tests together have there at once. Containers may have 64 MB, which would not be enough. */
const NEEDED_BYTES = 1e9;

/**
 * In memory if there is room, else where temporary files are. In memory, the runtime takes an eighth less of the
 * processor.
 */
export const QUICK_FILES = hasRoom() ? IN_MEMORY : tmpdir();

function hasRoom(): boolean {
  if (!existsSync(IN_MEMORY)) return false;
  const { bavail, bsize } = statfsSync(IN_MEMORY);
  return bavail * bsize >= NEEDED_BYTES;
}
