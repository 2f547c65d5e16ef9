/** Reads how long the old secret of a token or a webhook endpoint still works after a rotation. PURE. */

import { InvalidArgumentError } from "commander";

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** As the API bounds it. */
const MAX_SECONDS = 604_800;

/** Seconds from a text such as `90s`, `30m`, `12h` or `7d`; `0` needs no unit. */
export function readGracePeriod(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = text === "0" ? 0 : Number(count || Number.NaN) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (seconds >= 0 && seconds <= MAX_SECONDS) return seconds;
  throw new InvalidArgumentError("Use a time such as 30m, 12h or 7d, at most 7d. 0 ends the old secret at once.");
}
