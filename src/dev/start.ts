/** `npm start`: serves the API on this machine, with an action to try, and prints a link that opens the console. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, parseEnv } from "node:util";
import { createClient } from "../client/index.ts";
import { runToEnd } from "./children.ts";
import { writePrivateFile } from "./files.ts";
import { offerHello } from "./hello.ts";
import {
  DEFAULT_PORT,
  EXAMPLE_ENVIRONMENT,
  freePort,
  makeDevVars,
  migrateLocally,
  portIn,
  requirePort,
  startServer,
  takePort,
} from "./server.ts";
import { anotherLink, consoleLink, ENV_FILE, envFile, onEnter, STARTING, signInLink, welcome } from "./welcome.ts";
import { ROOT } from "./wrangler.ts";

const LOOPBACK = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\/?$/;

/** The requested port, or the default port. Any free port if 0 is requested or the default is taken. */
async function choosePort(): Promise<number> {
  let port: string | undefined;
  try {
    port = parseArgs({ options: { port: { type: "string" } } }).values.port;
  } catch {
    throw new Error("`npm start` accepts only `-- --port <number>`. For other flags, use `npm run dev`.");
  }
  const asked = portIn("port", port);
  if (asked === undefined) return (await takePort(DEFAULT_PORT)) ?? freePort();
  return asked === 0 ? freePort() : requirePort(asked);
}

type DevVars = Readonly<Record<string, string | undefined>>;

/** Set on the server, unless `.dev.vars` does, and not in a file, because they are right for this server alone. */
function variables(devVars: DevVars, port: number): string[] {
  const url = `http://localhost:${port}`;
  const ours: Record<string, string> = {
    // Otherwise the Host header of a request would choose where jobs report.
    PUBLIC_URL: url,
    SIGN_IN_CODES: "true",
    // The job of `hello` is on this machine. The service refuses this setting if it has a public name.
    ...(LOOPBACK.test(devVars.PUBLIC_URL || url) && { ALLOW_INSECURE_WEBHOOKS: "true" }),
  };
  return Object.entries(ours)
    .filter(([name]) => !devVars[name])
    .flatMap(([name, value]) => ["--var", `${name}:${value}`]);
}

/** Null if there is an action `hello` that runs its job at once. Otherwise a sentence says why not. */
async function offeringHello(url: string, token: string): Promise<string | null> {
  if (token === "")
    return "ROOT_TOKEN is missing in .dev.vars. Add one, for example from `openssl rand -hex 32`, and restart.";
  try {
    const offered = await offerHello(createClient({ baseUrl: url, token, ...EXAMPLE_ENVIRONMENT }).actions, url);
    return offered.why ?? null;
  } catch (error) {
    return `The action hello could not be stored. ${error instanceof Error ? error.message : error}`;
  }
}

async function main(): Promise<number> {
  const port = await choosePort();
  console.log(STARTING);
  await migrateLocally();
  makeDevVars(ROOT);
  const devVars: DevVars = parseEnv(readFileSync(join(ROOT, ".dev.vars"), "utf8"));
  const { url, child } = await startServer(port, variables(devVars, port));
  const ended = once(child, "exit");

  const token = devVars.ROOT_TOKEN ?? "";
  writePrivateFile(join(ROOT, ENV_FILE), envFile(url, EXAMPLE_ENVIRONMENT, token));
  const withoutHello = await offeringHello(url, token);
  const link = await signInLink(url, token);
  const printAnother = async () => console.log(anotherLink(await signInLink(url, token)));
  const hasEnter = link !== null && onEnter(() => void printAnother());
  console.log(welcome({ url, link: link ?? consoleLink(url), signsIn: link !== null, hasEnter, withoutHello }));
  child.stdout?.pipe(process.stdout);
  child.stderr?.pipe(process.stderr);
  const [code] = await ended;
  return code ?? 1;
}

runToEnd(main, 0);
