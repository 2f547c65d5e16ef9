/** Buildbot with examples/buildbot, behind the nginx of examples/README.md. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { freePort } from "../../src/dev/server.ts";
import { until } from "../server/until.ts";
import { playCircle, type Site } from "./circle.ts";
import { filledIn, shipped } from "./example.ts";
import { nginx } from "./proxies.ts";

/** What Debian's packages lack and the REST API needs. */
const STAND_INS = fileURLToPath(new URL("stand-in", import.meta.url));
const CREDENTIALS = "action-runs:a password";
/** The first builder of a new master. */
const BUILDER_ID = "1";

const TRIES = 5;

/** A text of Buildbot's API. Asks again, because Buildbot writes from a second thread, and rarely garbles a response. */
async function read<T>({ port }: Site, path: string, parse: (text: string) => T): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/api/v2/${path}`);
      return parse(await response.text());
    } catch (error) {
      if (tried === TRIES) throw error;
    }
  }
}

/** A collection of Buildbot's, which the path ends with. */
async function get(site: Site, path: string, name: string) {
  const found = await read(site, path, JSON.parse);
  expect(found, path).toHaveProperty(name);
  return found[name] as readonly Record<string, number>[];
}

playCircle({
  name: "Buildbot",
  programs: ["buildbot", "buildbot-worker", "nginx", "curl"],
  example: "buildbot",
  host: "https://buildbot.example.com",
  places: {
    YOUR_BUILDER_ID: BUILDER_ID,
    YOUR_BASE64_OF_USER_COLON_PASSWORD: Buffer.from(CREDENTIALS).toString("base64"),
  },
  copies: ["reporters/report.sh"],
  async prepare(site) {
    const { folder, opt, port, processes } = site;
    const master = join(folder, "master");
    const env = { PYTHONPATH: STAND_INS, PYTHONDONTWRITEBYTECODE: "1" };
    const made = processes.run(["buildbot", "create-master", "-q", master], env);
    const proxy = await freePort();
    const passwords = join(folder, "passwords");
    writeFileSync(passwords, CREDENTIALS.replace(":", ":{PLAIN}"));
    const places = { "127.0.0.1:8010": `127.0.0.1:${port}`, "/etc/nginx/buildbot.htpasswd": passwords };
    const [, location = ""] = /```nginx\n(.*?)```/s.exec(shipped("README.md")) ?? [];
    const url = `http://127.0.0.1:${proxy}`;
    await processes.serve(url, nginx(folder, proxy, filledIn(location, places)));
    await made;
    const config = filledIn(shipped("buildbot/master.cfg"), { "/opt/action-runs": opt.path, "8010": String(port) });
    writeFileSync(join(master, "master.cfg"), config);
    return {
      url,
      start: () => processes.serve(`http://127.0.0.1:${port}`, ["buildbot", "start", "--nodaemon", master], env),
      async logs() {
        const files = ["twistd.log", "http.log"].map((file) => readFileSync(join(master, file), "utf8"));
        const logs: string[] = [];
        for (const { buildid } of await get(site, "builds", "builds"))
          for (const { stepid } of await get(site, `builds/${buildid}/steps`, "steps"))
            logs.push(await read(site, `steps/${stepid}/logs/stdio/raw`, String));
        return [...files, ...logs].join("\n");
      },
      untilIdle: () =>
        until("no build is left", async () => {
          const left = await get(site, "buildrequests?complete=false", "buildrequests");
          return left.length === 0;
        }),
    };
  },
  output: () => ({ build: expect.any(Number) }),
  error: expect.stringMatching(/^The job failed: https:\/\/buildbot\.example\.com\/#\/builders\/1\/builds\/\d+$/),
  stoppedError: "The job was cancelled.",
  logged: "deployed early",
  untilDropped: (site) =>
    until("Buildbot has dropped the request, without a build", async () => {
      const cancelled = await get(site, "buildrequests?results=6", "buildrequests");
      return cancelled.length === 1 && (await get(site, "builds?results=6", "builds")).length === 0;
    }),
});
