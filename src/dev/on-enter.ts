/** Enter in the terminal of `npm start`. */

import { spawnSync } from "node:child_process";

/**
 * Calls `act` for each line, if stdin is a terminal. Ctrl-C still sends its signal, because the terminal stays in its
 * usual mode. Returns whether Enter works.
 */
export function onEnter(act: () => void): boolean {
  const { stdin } = process;
  if (!stdin.isTTY || !isInForeground()) return false;
  stdin.on("data", act);
  stdin.on("error", () => {});
  // After Ctrl-Z and `bg`, a read would stop this process again (SIGTTIN).
  process.on("SIGCONT", () => (isInForeground() ? stdin.resume() : stdin.pause()));
  return true;
}

/** Whether the terminal sends what is typed to this process, and not to the shell that began it with `&`. */
function isInForeground(): boolean {
  if (process.platform === "win32") return true;
  const { stdout } = spawnSync("ps", ["-o", "pgid=,tpgid=", "-p", String(process.pid)], { encoding: "utf8" });
  const [group, terminals] = (stdout ?? "").trim().split(/\s+/);
  return group !== undefined && group !== "" && group === terminals;
}
