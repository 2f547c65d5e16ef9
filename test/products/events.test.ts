/** Products that start actions by events, with the files of examples/inbound: Alertmanager, and a Git hook. */

import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient, type Schemas } from "../../src/client/index.ts";
import { freePort } from "../../src/dev/server.ts";
import { ROOT } from "../../src/dev/wrangler.ts";
import { sharedServer } from "../server/installation.ts";
import { until } from "../server/until.ts";
import { type NodeServer, serve } from "../support/node-server.ts";
import { filledIn, shipped } from "./example.ts";
import { missing, ProductProcesses } from "./product-process.ts";

let receiver: NodeServer;
beforeAll(async () => {
  receiver = await serve((_request, response) => response.end());
});
afterAll(() => receiver?.close());

/** The environment of one product, and its action. */
function given(org: string, example: string, host: string) {
  const { origin, token } = sharedServer(org);
  const { runs } = createClient({ baseUrl: origin, token, org, project: "shop", env: "prod" });
  const action = `${origin}/${org}/shop/envs/prod/actions/example`;
  const ask = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    return (await (await fetch(`${action}${path}`, { ...init, headers })).json()) as T;
  };
  return {
    /** The URL for the events, and their secret. */
    async store() {
      const body = filledIn(shipped(`inbound/${example}`), { [host]: receiver.url });
      const stored = await ask<{ inbound: { secret: string } }>("", { method: "PUT", body });
      const { url } = await ask<{ url: string }>("/inbound");
      return { url, secret: stored.inbound.secret };
    },
    /** What the runs of the action were started with. */
    async parameters(): Promise<unknown[]> {
      const all: Schemas["ActionRun"][] = [];
      for await (const run of runs.list({})) all.push(run);
      return all.map((run) => run.parameters);
    },
  };
}

const lackingAlertmanager = missing("Alertmanager", "prometheus-alertmanager");

describe.skipIf(lackingAlertmanager.length > 0)("Alertmanager", () => {
  const processes = new ProductProcesses("alertmanager");
  afterAll(() => processes.stop());

  it("starts one run for an alert, however often it repeats the alert", async () => {
    const { store, parameters } = given("of-alertmanager-test", "alertmanager.json", "https://ci.example.com");
    const { url, secret } = await store();
    const [config, secretFile] = [join(processes.folder, "alertmanager.yml"), join(processes.folder, "secret")];
    writeFileSync(secretFile, secret);
    const places = {
      YOUR_EVENT_URL: url,
      "/etc/alertmanager/action-runs-secret": secretFile,
      "group_wait: 10s": "group_wait: 1ms\n  group_interval: 100ms\n  repeat_interval: 100ms",
    };
    writeFileSync(config, filledIn(shipped("inbound/alertmanager.yml"), places));
    const own = `http://127.0.0.1:${await freePort()}`;
    const command = ["prometheus-alertmanager", `--config.file=${config}`, `--storage.path=${processes.folder}`];
    const listen = [`--web.listen-address=${own.replace("http://", "")}`, "--cluster.listen-address="];
    await processes.serve(`${own}/-/ready`, [...command, ...listen]);
    const startsAt = new Date().toISOString();
    const alert = {
      labels: { alertname: "DiskFull", instance: "db-1" },
      annotations: { summary: "The disk of db-1 is full" },
      startsAt,
    };
    const headers = { "Content-Type": "application/json" };
    const raised = await fetch(`${own}/api/v2/alerts`, { method: "POST", headers, body: JSON.stringify([alert]) });
    expect(raised.status).toBe(200);
    const sent = async (name: string) => {
      const metrics = await (await fetch(`${own}/metrics`)).text();
      const lines = metrics.split("\n").filter((line) => line.startsWith(`${name}{`) && line.includes('"webhook"'));
      return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
    };
    await until("Alertmanager repeats the alert", async () => (await sent("alertmanager_notifications_total")) >= 3);
    expect(await sent("alertmanager_notifications_failed_total")).toBe(0);
    const since = expect.stringContaining(startsAt.slice(0, 19));
    expect(await parameters()).toEqual([
      { alert: "DiskFull", instance: "db-1", since, summary: "The disk of db-1 is full" },
    ]);
  });
});

const lackingGit = missing("the Git hook", "git", "curl");

describe.skipIf(lackingGit.length > 0)("a Git hook", () => {
  const processes = new ProductProcesses("git-hook");
  afterAll(() => processes.stop());
  const git = (...args: readonly string[]) =>
    processes.run(["git", "-c", "user.name=ada", "-c", "user.email=ada@acme.example", ...args], {
      ACTION_RUNS_FOLDER: processes.folder,
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_SYSTEM: "/dev/null",
    });

  it("starts a run for each push to main, and the person who pushes sees its id", async () => {
    const { store, parameters } = given("of-git-hook-test", "git.json", "https://ci.example.com");
    const { url, secret } = await store();
    const { folder } = processes;
    writeFileSync(join(folder, "url"), `${url}\n`);
    writeFileSync(join(folder, "secret"), `${secret}\n`);
    await git("init", "-q", "--bare", "-b", "main", "server.git");
    const hook = join(folder, "server.git/hooks/post-receive");
    writeFileSync(hook, readFileSync(join(ROOT, "examples/inbound/post-receive")));
    chmodSync(hook, 0o755);
    await git("init", "-q", "-b", "main", "work");
    const push = (...refs: readonly string[]) => git("-C", "work", "push", "-q", "../server.git", ...refs);
    const commits: string[] = [];
    for (const n of [1, 2]) {
      await git("-C", "work", "commit", "-q", "--allow-empty", "-m", `commit ${n}`);
      await push("main");
      commits.unshift(readFileSync(join(folder, "server.git/refs/heads/main"), "utf8").trim());
    }
    expect(processes.printed).toMatch(/remote: \{"id":"[0-9a-f-]{36}"\}/);
    // Neither another branch nor the end of one is a push to main.
    await push("main:other");
    await push(":other");
    expect(await parameters()).toEqual(commits.map((commit) => ({ commit })));
    expect(processes.printed).not.toContain(secret);
  });
});
