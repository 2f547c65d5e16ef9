/**
 * What `npm start` and `npm run dev` open to others: the service on its port, and nothing else. Neither `npm start` nor
 * `npm run dev` leaves a secret where another user of the machine can read it.
 */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callback, createClient } from "../../src/client/index.ts";
import { freePort } from "../../src/dev/server.ts";
import { until } from "../server/until.ts";
import { serve } from "../support/node-server.ts";
import { Project, type Script } from "./project.ts";

/** What Wrangler's and Miniflare's own Workers answer in front of a service. */
const NOT_OURS = [
  "/cdn-cgi/",
  "/cdn-cgi/explorer",
  "/cdn-cgi/local/explorer",
  "/cdn-cgi/local/explorer/api",
  "/cdn-cgi/local/explorer/api/d1/database",
  "/cdn-cgi/local/scheduled",
  "/cdn-cgi/handler/scheduled",
  "/cdn-cgi/mf/scheduled",
  "/__scheduled",
  "/cdn-cgi/local/email?from=a@example.com&to=b@example.com",
  "/cdn-cgi/handler/email?from=a@example.com&to=b@example.com",
  "/cdn-cgi/local/platform-proxy",
  "/cdn-cgi/local/r2/public/bucket/key",
  "/cdn-cgi/local/r2/s3/bucket",
  "/cdn-cgi/mf/stream/video",
  "/cdn-cgi/mf/imagedelivery/image",
  "/__cf_local/stream/video",
  "/__cf_local/imagedelivery/image",
  "/__cf_local/imageupload/image",
  "/cdn-cgi/live-reload",
  "/cdn-cgi/ProxyWorker/play",
  "/cdn-cgi/InspectorProxyWorker/websocket",
  "/core/error",
  "/json",
  "/json/version",
];
/** Headers that give one of Miniflare's Workers something to do. */
const THEIR_HEADERS = {
  "MF-Op": "GET",
  "MF-Op-Target": "1",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Protocol": "WRANGLER_PROXYWORKER_LIVE_RELOAD_PROTOCOL",
};
const HOSTS = ["localhost:8787", "127.0.0.1", "[::1]", "evil.example"];
const ORIGINS = ["http://localhost:3000", "https://evil.example"];
const SLOW_MIGRATIONS = 40;
/** Takes a part of a second. */
const COUNTING =
  "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 200000) SELECT max(n) FROM counted";
/** A part of a receiver's URL, as chats have it. */
const SECRET = "T0SECRET/B0SECRET/the-rest-of-it";

const started = { start: new Project(), dev: new Project() };
const ports = { start: 0, dev: 0 };
const scripts: Partial<Record<keyof typeof ports, Script>> = {};

beforeAll(async () => {
  for (const project of Object.values(started)) {
    const traces = join(project.folder, ".wrangler/state/v3/observability/traces");
    mkdirSync(traces, { recursive: true, mode: 0o755 });
    writeFileSync(join(traces, "1.sqlite"), SECRET);
  }
  // A dropped alarm and a sick database wait for the cron, which this copy runs at once.
  const server = join(started.dev.folder, "src/dev/serve.ts");
  writeFileSync(server, readFileSync(server, "utf8").replace(/(CRON_EVERY_MS =) .*/, "$1 200;"));
  appendFileSync(join(started.dev.folder, "wrangler.toml"), '\n[[d1_databases]]\nbinding = "DB_1"\n');
  ports.start = await freePort();
  ports.dev = await freePort();
  scripts.start = started.start.run("start", "--", "--port", String(ports.start));
  scripts.dev = started.dev.run("run", "dev", "--", "--port", String(ports.dev));
  await scripts.start.until(/Ctrl-C/);
  await scripts.dev.until(/Ready on/);
});
afterAll(async () => {
  for (const project of Object.values(started)) await project.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

/** A request whose `Host` can differ from where it goes. Throws if the port does not speak HTTP. */
async function ask(port: number, method: string, path: string, headers: Record<string, string>): Promise<Answer> {
  const asking = request({ host: "127.0.0.1", port, method, path, headers, agent: false });
  // A switch of protocols is an event of its own.
  const upgraded = once(asking, "upgrade").then(() => {
    throw new Error(`${path} switched protocols`);
  });
  asking.end(method === "POST" ? "{}" : undefined);
  const [response] = (await Promise.race([once(asking, "response"), upgraded])) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, text: await textOf(response) };
}

describe.each(["start", "dev"] as const)("npm run %s", (command) => {
  const requests = NOT_OURS.flatMap((path) => ["GET", "POST"].map((method) => ({ method, path })));

  it.each(HOSTS)(
    "answers below /cdn-cgi/ what an unknown address gets, for the host %s and every origin",
    async (Host) => {
      const port = ports[command];
      const unknown = await ask(port, "GET", "/no-such-endpoint", { Host });
      expect(unknown.text).toContain("No such endpoint");
      for (const { method, path } of requests) {
        for (const Origin of ["", ...ORIGINS]) {
          const headers = { Host, ...(Origin !== "" && { Origin }), ...THEIR_HEADERS };
          const answer = await ask(port, method, path, headers);
          expect([method, path, Origin, answer.status, answer.text]).toEqual([method, path, Origin, 404, unknown.text]);
          expect(answer.headers).not.toHaveProperty("access-control-allow-origin");
        }
      }
    },
  );

  it("does not take another address than the request's own from a header", async () => {
    for (const path of NOT_OURS) {
      const to = { "MF-Original-URL": `http://localhost${path}`, "MF-Route-Override": "action-runs" };
      const answer = await ask(ports[command], "GET", "/healthz", to);
      expect([path, answer.text]).toEqual([path, '{"status":"alive"}']);
    }
  });

  // Only Linux tells which process listens where.
  it.skipIf(!existsSync("/proc/net/tcp"))("listens on no other port that answers anybody", async () => {
    const listening = listeningPorts(scripts[command]?.child.pid ?? 0);
    expect(listening).toContain(ports[command]);
    for (const port of listening.filter((port) => port !== ports[command])) {
      for (const path of ["/", "/healthz", ...NOT_OURS]) {
        const { status } = await ask(port, "GET", path, THEIR_HEADERS);
        expect([port, path, [401, 403, 404, 405, 421].includes(status) ? "refused" : status]).toEqual([
          port,
          path,
          "refused",
        ]);
      }
    }
  });

  it("lets only its owner enter the folder of its state, and has deleted what wrangler traced", () => {
    const state = join(started[command].folder, ".wrangler/state");
    for (const folder of [state, join(state, "v3")])
      expect([folder, (statSync(folder).mode & 0o777).toString(8)]).toEqual([folder, "700"]);
    expect(existsSync(join(state, "v3/observability"))).toBe(false);
  });
});

it("a receiver's URL is nowhere in the files of npm start in clear", async () => {
  const { promise: called, resolve } = Promise.withResolvers<string | undefined>();
  const receiver = await serve((asked, response) => {
    resolve(asked.url);
    response.end();
  });
  const scope = { org: "acme", project: "shop", env: "closed", token: started.start.rootToken() };
  const client = createClient({ baseUrl: `http://localhost:${ports.start}`, ...scope });
  const url = `${receiver.url}/services/${SECRET}`;
  const run = await client.runs.create({ actionName: "deploy", trigger: { type: "webhook", url } });
  expect(await called).toBe(`/services/${SECRET}`);
  await callback(run.callback.url, run.callback.token).succeed();
  await receiver.close();
  const state = join(started.start.folder, ".wrangler");
  const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const read = files.map(({ parentPath, name }) => ({ name, text: readFileSync(join(parentPath, name), "latin1") }));
  // The run itself is there.
  expect(read.filter(({ text }) => text.includes(run.id)).length).toBeGreaterThan(0);
  expect(read.filter(({ text }) => text.includes("B0SECRET")).map(({ name }) => name)).toEqual([]);
});

it("the cron runs by itself, so the readiness check sees the other databases", async () => {
  const headers = { Authorization: `Bearer ${started.dev.rootToken()}` };
  // Without a report of the cron, the request itself looks.
  await until("the cron has looked at the second database", async () => {
    const asked = Date.now();
    const { text } = await ask(ports.dev, "GET", "/databases", headers);
    const databases = JSON.parse(text) as readonly { readonly number: number; readonly checkedAt: string }[];
    return databases.some(({ number, checkedAt }) => number === 1 && Date.parse(checkedAt) < asked);
  });
});

it("a change of the source is served at once, and an error in it is printed and changes nothing", async () => {
  const errors = join(started.dev.folder, "src/http/errors.ts");
  const source = readFileSync(errors, "utf8");
  const answered = async () => (await ask(ports.dev, "GET", "/no-such-endpoint", {})).text;
  writeFileSync(errors, `${source}\nconst broken =;`);
  await scripts.dev?.until(/SyntaxError/);
  expect(await answered()).toContain("No such endpoint.");
  const style = async () => {
    const [path = ""] =
      /\/console\/assets\/style-\w+\.css/.exec((await ask(ports.dev, "GET", "/console", {})).text) ?? [];
    return (await ask(ports.dev, "GET", path, {})).text;
  };
  expect(await style()).not.toContain("chartreuse");
  appendFileSync(join(started.dev.folder, "src/console/style.css"), "\nb { color: chartreuse; }\n");
  writeFileSync(errors, source.replace("No such endpoint.", "Nothing is here."));
  await scripts.dev?.until(/Reloaded\./);
  expect(await answered()).toContain("Nothing is here.");
  expect(await style()).toMatch(/chartreuse|#7fff00/);
});

it("npm run dev opens a debugger's port only if a flag asks, and takes variables and another folder", async () => {
  const { dev } = started;
  const [port, inspector] = [await freePort(), await freePort()];
  const state = join(dev.folder, "another");
  mkdirSync(state, { mode: 0o755 });
  writeFileSync(join(dev.folder, "other.env"), "ROOT_TOKEN=short\nCALLBACK_SIGNING_KEYS=short\n");
  const flags = ["--port", String(port), "--inspector-port", String(inspector), "--persist-to", state];
  const more = ["--env-file", "other.env", "--var", "RETENTION_DAYS:never"];
  const script = dev.run("run", "dev", "--", ...flags, ...more);
  await script.until(/Ready on/);
  expect((await ask(inspector, "GET", "/json", {})).status).toBe(200);
  const { text } = await ask(port, "GET", "/readyz", {});
  expect(text).toContain("RETENTION_DAYS");
  expect(text).toContain("CALLBACK_SIGNING_KEYS");
  // It may have other things in it.
  expect([state, join(state, "v3")].map((folder) => statSync(folder).mode & 0o777)).toEqual([0o755, 0o700]);
  await script.signalAll("SIGINT");

  const wrong = dev.run("run", "dev", "--", "--local-protocol", "https");
  expect(await wrong.ended()).toBe(1);
  expect(wrong.printed()).toContain("Unknown option '--local-protocol'");
  expect(wrong.printed()).toContain("--inspector-port N");
});

it.skipIf(!existsSync("/proc/net/tcp"))(
  "no port runs a statement for anybody while databases are migrated",
  async () => {
    const { dev } = started;
    // The port is there while they run. On a busy machine, the project's own take less time than one look at all ports.
    const slow = Array.from({ length: SLOW_MIGRATIONS }, (_, n) => join(dev.folder, `migrations/9${n + 100}_slow.sql`));
    for (const [n, file] of slow.entries()) writeFileSync(file, `CREATE TABLE slow_${n} AS ${COUNTING};`);
    const script = dev.run("run", "migrate", "--", "--local", "--persist-to", join(dev.folder, "migrated"));
    const statement = JSON.stringify({ binding: "DB", statements: ["SELECT 1"] });
    const asked: (readonly [port: number, status: number])[] = [];
    while (script.child.exitCode === null) {
      await delay(1);
      for (const port of listeningPorts(script.child.pid ?? 0)) {
        const simple = { method: "POST", body: statement, headers: { "Content-Type": "text/plain" } };
        const status = await fetch(`http://127.0.0.1:${port}`, simple).then(
          (answer) => answer.status,
          () => 0,
        );
        asked.push([port, status]);
      }
    }
    for (const file of slow) rmSync(file);
    expect(script.child.exitCode).toBe(0);
    expect(asked.filter(([, status]) => status === 404).length).toBeGreaterThan(0);
    expect(asked.filter(([, status]) => ![0, 403, 404].includes(status))).toEqual([]);
  },
);

/** The ports on which the processes of a group listen. */
function listeningPorts(group: number): readonly number[] {
  const inodes = new Set(processesOf(group).flatMap(socketsOf));
  const lines = ["tcp", "tcp6"].flatMap((file) => readFileSync(`/proc/net/${file}`, "utf8").split("\n"));
  const listening = lines.map((line) => line.trim().split(/\s+/)).filter(([, , , state]) => state === "0A");
  const ours = listening.filter((columns) => inodes.has(columns[9] ?? ""));
  return [...new Set(ours.map(([, address = ""]) => Number.parseInt(address.split(":")[1] ?? "", 16)))];
}

function processesOf(group: number): readonly string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  // After the name, which may have spaces: the state, the parent and the group.
  const groupOf = (pid: string) => readIfThere(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ")[2];
  return pids.filter((pid) => groupOf(pid) === String(group));
}

function socketsOf(pid: string): readonly string[] {
  try {
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
    return open.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
  } catch {
    return [];
  }
}

/** A process can end meanwhile. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

describe("a runtime that dies", () => {
  const runtimeOf = ({ child }: Pick<Script, "child">) => {
    const { stdout } = spawnSync("ps", ["-A", "-o", "pid=,pgid=,comm="], { encoding: "utf8" });
    const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/));
    return Number(rows.find(([, group, name]) => Number(group) === child.pid && name === "workerd")?.[0]);
  };
  const script = () => scripts.dev as Script;

  it("is started again, with what was acknowledged, and the log stays JSON without colours", async () => {
    const client = createClient({
      baseUrl: `http://localhost:${ports.dev}`,
      ...{ org: "acme", project: "shop", env: "killed", token: started.dev.rootToken() },
    });
    const { id } = await client.runs.create({ actionName: "deploy" });
    process.kill(runtimeOf(script()), "SIGKILL");
    await script().until(/has started again/);
    expect((await client.runs.get(id)).id).toBe(id);
    const lines = script()
      .printed()
      .split("\n")
      .filter((line) => line.includes('"event"'));
    expect(lines.map((line) => JSON.parse(line).event)).toContain("request");
    expect(script().printed()).not.toContain("\u001b");
  });

  it("ends the command with a sentence if it can't be started again", async () => {
    const taker = createServer();
    process.kill(runtimeOf(script()), "SIGKILL");
    // Before the new runtime can, which takes longer.
    await until("the port is taken from the runtime", async () => {
      taker.listen(ports.dev, "127.0.0.1");
      return once(taker, "listening").then(
        () => true,
        () => false,
      );
    });
    expect(await script().ended()).toBe(1);
    expect(script().printed()).toContain("can't be started again, so this server ends");
    taker.close();
  });
});
