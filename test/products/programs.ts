/** Which of the products are on this machine. .ci/run installs Debian's; `npm run node-red` installs Node-RED. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Debian keeps servers where the PATH of people does not lead. */
export const PATH = [process.env.PATH ?? "", "/usr/local/sbin", "/usr/sbin", "/sbin"].join(delimiter);

/** The programs that this machine lacks. Says so, because tests that need them are then skipped. */
export function missing(what: string, ...programs: readonly string[]): readonly string[] {
  const places = PATH.split(delimiter);
  const lacking = programs.filter((program) => !places.some((place) => existsSync(join(place, program))));
  if (lacking.length > 0) console.warn(`${lacking.join(", ")} is missing, so ${what} is not tested.`);
  return lacking;
}
