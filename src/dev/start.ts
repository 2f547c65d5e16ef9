/** `npm start`: the whole API on this machine in one command, and the three lines with which to try it. */

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, parseEnv } from "node:util";
import { makeDevVars, makePrivateFile, migrateLocally } from "./prepare.ts";
import { startServer, takePort } from "./server.ts";
import { onStopSignal, ROOT } from "./wrangler.ts";

const DEFAULT_PORT = 8787;
const RUN_FILE = ".wrangler/run.json";

/** The port to serve on: the one asked for, or the usual one, or any where that is taken. */
async function choosePort(): Promise<number> {
  const asked = askedPort();
  if (asked === null) return (await takePort(DEFAULT_PORT)) ?? (await takePort(0)) ?? DEFAULT_PORT;
  const port = await takePort(asked);
  if (port === null)
    throw new Error(`Port ${asked} can't be used: something else has it, or it is not allowed.`);
  return port;
}

function askedPort(): number | null {
  let port: string | undefined;
  try {
    port = parseArgs({ options: { port: { type: "string" } } }).values.port;
  } catch {
    throw new Error(
      "`npm start` takes `-- --port <number>`; `npm run dev` takes every flag of `wrangler dev`.",
    );
  }
  if (port === undefined) return null;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new Error(`--port must be a number up to 65535.`);
  return Number(port);
}

/**
 * Create, callback, list: each reads its token where it is kept, so it can be pasted after any start. The token goes to
 * curl on its input (curl 7.55 or newer), because everybody on a machine can read its command lines.
 */
function curlLines(url: string): string[] {
  const runs = `${url}/acme/shop/envs/prod/action-runs`;
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

/** The operator's token; null if the lines above would not find it. */
function operatorToken(): string | null {
  const text = readFileSync(join(ROOT, ".dev.vars"), "utf8");
  const plain = /^ROOT_TOKEN=(.+)$/m.exec(text)?.[1];
  return plain !== undefined && plain === parseEnv(text).ROOT_TOKEN ? plain : null;
}

function say(url: string, madeSecrets: boolean): void {
  const [create, callback, list] = curlLines(url);
  const token = operatorToken();
  console.log(`\nThe API is at ${url}, and an explorer of it at ${url}/docs`);
  if (madeSecrets) console.log(`\nThe operator's token, shown this once and kept in .dev.vars:\n${token}`);
  console.log("\nTo try it, paste these lines in another terminal, in this folder.");
  if (token === null) {
    console.log("They need a line ROOT_TOKEN=… in .dev.vars, without quotes. Yours has none.");
  }
  console.log(`\nCreate a run:\n${create}`);
  console.log(`\nReport its end, as its workflow would:\n${callback}`);
  console.log(`\nList the runs:\n${list}`);
  console.log("\nCtrl-C stops it. Requests are logged below.\n");
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
  // After what can fail, so that a token just made is a token shown.
  const madeSecrets = makeDevVars(ROOT);
  mkdirSync(join(ROOT, ".wrangler"), { recursive: true });
  // Before the first line is pasted, or the shell would let everybody read the callback token.
  makePrivateFile(join(ROOT, RUN_FILE), "");
  const server = await startServer({
    port,
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
