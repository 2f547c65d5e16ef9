/** `npm start`: serves the API on this machine, and prints a link to the console and three commands to try the API. */

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, parseEnv } from "node:util";
import { makeDevVars, makePrivateFile, migrateLocally } from "./prepare.ts";
import { startServer, takePort } from "./server.ts";
import { onStopSignal, ROOT } from "./wrangler.ts";

const DEFAULT_PORT = 8787;
const RUN_FILE = ".wrangler/run.json";
/** Where the commands below create runs. */
const SCOPE = { o: "acme", p: "shop", envName: "prod" };

/** The requested port, or the default port, or any free port if the default is taken. */
async function choosePort(): Promise<number> {
  const asked = askedPort();
  if (asked === null) return (await takePort(DEFAULT_PORT)) ?? (await takePort(0)) ?? DEFAULT_PORT;
  const port = await takePort(asked);
  if (port === null)
    throw new Error(
      `Port ${asked} can't be used. Another program has it, or your user may not use it. Choose another port.`,
    );
  return port;
}

function askedPort(): number | null {
  let port: string | undefined;
  try {
    port = parseArgs({ options: { port: { type: "string" } } }).values.port;
  } catch {
    throw new Error(
      "`npm start` accepts only `-- --port <number>`. For other flags of `wrangler dev`, use `npm run dev`.",
    );
  }
  if (port === undefined) return null;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new Error("--port must be a number from 0 to 65535.");
  return Number(port);
}

/**
 * Commands for create, callback and list. Each reads its token from a file, so it works after every start. The token
 * goes to curl on stdin (curl 7.55 or newer), because everybody on the machine can read command lines.
 */
function curlLines(url: string): string[] {
  const runs = `${url}/${SCOPE.o}/${SCOPE.p}/envs/${SCOPE.envName}/action-runs`;
  const json = `-H 'Content-Type: application/json'`;
  const asOperator = `sed -n 's/^ROOT_TOKEN=/Authorization: Bearer /p' .dev.vars | curl -sS -H @-`;
  const asWorkflow = `sed -n 's/.*"token":"\\([^"]*\\)".*/Authorization: Bearer \\1/p' ${RUN_FILE} | curl -sS -H @-`;
  const callback = `"$(sed -n 's/.*"callback":{"url":"\\([^"]*\\)".*/\\1/p' ${RUN_FILE})"`;
  const end = `-w '\\n'`;
  return [
    `${asOperator} ${runs} ${json} -d '{"actionName":"deploy"}' ${end} | tee ${RUN_FILE}`,
    `${asWorkflow} ${callback} ${json} -d '{"status":"succeeded"}' ${end}`,
    `${asOperator} ${runs} ${end}`,
  ];
}

function devVars(): string {
  return readFileSync(join(ROOT, ".dev.vars"), "utf8");
}

/** The operator's token; null if the commands above would not find it. */
function operatorToken(): string | null {
  const text = devVars();
  const plain = /^ROOT_TOKEN=(.+)$/m.exec(text)?.[1];
  return plain !== undefined && plain === parseEnv(text).ROOT_TOKEN ? plain : null;
}

/** Sets PUBLIC_URL unless `.dev.vars` does. Otherwise the Host header of a request would choose where jobs report. */
function publicUrl(port: number): string[] {
  return parseEnv(devVars()).PUBLIC_URL ? [] : ["--var", `PUBLIC_URL:http://localhost:${port}`];
}

function say(url: string, madeSecrets: boolean): void {
  const [create, callback, list] = curlLines(url);
  const token = operatorToken();
  console.log(`\nThe API is at ${url}\nThe API explorer is at ${url}/docs`);
  console.log(`\nWatch runs in the console:\n${url}/console/-/${SCOPE.o}/${SCOPE.p}/${SCOPE.envName}/runs`);
  // A link with the token in it would stay in the browser's history.
  if (madeSecrets) {
    console.log(
      `\nSign in there with the operator's token, shown only now and saved in .dev.vars:\n${token}`,
    );
  } else console.log("Sign in there with the operator's token, which is ROOT_TOKEN in .dev.vars.");
  console.log(
    "\nThen paste these commands into another terminal, in this folder. The console shows what they do.",
  );
  if (token === null) {
    console.log("First add a line ROOT_TOKEN=… without quotes to .dev.vars, because the commands need it.");
  }
  console.log(`\nCreate a run:\n${create}`);
  console.log(`\nReport that it succeeded, as its workflow would:\n${callback}`);
  console.log(`\nList the runs:\n${list}`);
  console.log("\nPress Ctrl-C to stop the server. It logs its requests below.\n");
}

async function main(): Promise<void> {
  const port = await choosePort();
  console.log("Preparing the local database and starting the server …");
  let stopping = false;
  let stop = async () => {};
  onStopSignal(() => {
    stopping = true;
    stop().finally(() => process.exit(0));
  });
  await migrateLocally();
  // Make the token after the migration, which can fail: a new token must also be shown.
  const madeSecrets = makeDevVars(ROOT);
  mkdirSync(join(ROOT, ".wrangler"), { recursive: true });
  // The shell would create this file readable by everybody, and it will hold the callback token.
  makePrivateFile(join(ROOT, RUN_FILE), "");
  const server = await startServer({
    port,
    args: publicUrl(port),
    onSpawn: (stopServer) => {
      stop = stopServer;
    },
  });
  say(server.url, madeSecrets);
  server.child.stdout?.pipe(process.stdout);
  server.child.stderr?.pipe(process.stderr);
  server.child.on("exit", (code) => {
    if (!stopping) process.exit(code ?? 1);
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
