/** What `npm start` prints when the server is ready: at most 12 lines of a terminal with 80 columns, and the link in it. */

import { spawnSync } from "node:child_process";
import { EXAMPLE_ENVIRONMENT, EXAMPLE_PATH } from "./server.ts";

interface Welcome {
  readonly url: string;
  readonly link: string;
  readonly signsIn: boolean;
  readonly hasEnter: boolean;
  /** Why nobody can run the action `hello` at once; null if everybody can. */
  readonly withoutHello: string | null;
}

export const STARTING = "Preparing the local database and starting the server …";

export const ENV_FILE = ".wrangler/env";

export function welcome({ url, link, signsIn, hasEnter, withoutHello }: Welcome): string {
  const again = hasEnter ? "Press Enter for another link. " : "";
  const command = withoutHello === null ? "action run hello --wait" : "create deploy";
  return [
    `The API is at ${url}, and its explorer is at /docs.`,
    "",
    signsIn ? LINK : "Open the console, and sign in with the operator's token:",
    link,
    `${again}The operator's token is ROOT_TOKEN in .dev.vars.`,
    "",
    withoutHello ?? "Open the action hello there, and press Run action. Its job is on this machine.",
    "Or create a run from another terminal, in this folder:",
    `. ${ENV_FILE} && npx --no-install action-runs ${command}`,
    "README.md says what comes next. Press Ctrl-C to stop the server.",
  ].join("\n");
}

const LINK = "Open the console. This link signs you in, once and within 10 minutes:";

/** `link`: null if the service gave none. */
export function anotherLink(link: string | null): string {
  return link === null ? "The service gave no link. Sign in with ROOT_TOKEN in .dev.vars." : `${LINK}\n${link}`;
}

/** The content of ENV_FILE, for `sh`. It holds the operator's token. */
export function envFile(url: string, environment: typeof EXAMPLE_ENVIRONMENT, token: string): string {
  const lines = Object.entries({ url, ...environment, token }).map(
    ([name, value]) => `export ACTION_RUNS_${name.toUpperCase()}='${value.replaceAll("'", "'\\''")}'\n`,
  );
  return lines.join("");
}

const CODE = /^[A-Za-z0-9_-]{43}$/;

export function consoleLink(url: string): string {
  return `${url}/console/-/${EXAMPLE_PATH}/runs`;
}

/** It signs in once, with a code in its fragment, which browsers do not send. Null if the service gives no code. */
export async function signInLink(url: string, rootToken: string): Promise<string | null> {
  const { org, project } = EXAMPLE_ENVIRONMENT;
  try {
    const response = await fetch(`${url}/${org}/${project}/sign-in-codes`, {
      method: "POST",
      headers: { Authorization: `Bearer ${rootToken}`, "Content-Type": "application/json" },
      body: "{}",
      redirect: "error",
    });
    const { code } = (await response.json()) as { readonly code?: unknown };
    return typeof code === "string" && CODE.test(code) ? `${consoleLink(url)}#code=${code}` : null;
  } catch {
    return null;
  }
}

/** Calls `act` for each line, if stdin is a terminal. Returns whether Enter works. Ctrl-C still sends its signal. */
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
