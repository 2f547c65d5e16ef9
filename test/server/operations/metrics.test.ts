/**
 * What an operator observes: the log of a deploy, as wrangler reads its settings, and the metrics and alerts as Prometheus
 * reads them. Its own promtool judges these, where it is installed.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import { createClient } from "../../../src/client/index.ts";
import { freePort } from "../../../src/dev/server.ts";
import { CONFIG, ROOT } from "../../../src/dev/wrangler.ts";
import { cliJson } from "../../cli/in-process.ts";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";

const { origin, token } = sharedServer("of-metrics-test");
const folder = mkdtempSync(join(tmpdir(), "action-runs-metrics-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

/** What promtool says, which is nothing if there is nothing to say. */
function promtool(args: readonly string[], input = ""): { readonly code: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8", cwd: folder });
  return { code: status, said: stdout + stderr };
}

async function metrics(env: string): Promise<string> {
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${origin}/of-metrics-test/shop/envs/${env}/metrics`, { headers });
  expect([response.status, response.headers.get("Content-Type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  return response.text();
}

/** Of an environment that has everything: ends, an open run, a stored action and a webhook endpoint. */
async function fullMetrics(): Promise<string> {
  const scope = { org: "of-metrics-test", project: "shop", env: "full" };
  const { actions, runs, webhookEndpoints } = createClient({ baseUrl: origin, token, ...scope });
  if ((await runs.summary()).cancelled === 0) {
    await webhookEndpoints.put("chat", { url: "https://chat.example.com/hook", events: ["action_run.failed"] });
    await actions.put("deploy", {});
    for (const run of [await actions.run("deploy"), await runs.create({ actionName: "typed" })])
      await runs.cancel(run.id);
    await runs.create({ actionName: "deploy" });
    // D1 lists the coordinator from its first batch on.
    await until("all runs are replicated", async () => (await runs.summary()).cancelled === 2);
  }
  return metrics("full");
}

it("a deploy logs neither requests with their queries nor the URLs of receivers, but only what the service writes", () => {
  // Only Cloudflare itself could show that it obeys these settings.
  expect(unstable_readConfig({ config: CONFIG }).observability).toEqual({
    enabled: true,
    redact_query_string: true,
    logs: { enabled: true, invocation_logs: false },
    traces: { enabled: false },
  });
});

describe.skipIf(!hasPromtool)("promtool", () => {
  it("has nothing to say about the metrics of an environment with runs, and of one without", async () => {
    const full = await fullMetrics();
    expect(full).toContain('action_runs_ended_total{status="cancelled",cause="cancel"} 2\n');
    expect(full).toContain('cicd_pipeline_run_active{status="pending"} 1\n');
    for (const text of [full, await metrics("empty")]) {
      expect(promtool(["check", "metrics"], text)).toEqual({ code: 0, said: "" });
    }
  });

  it("reads each query of the dashboard, and each asks for what is served", async () => {
    const served = new Set([...(await fullMetrics()).matchAll(/^[a-z_]+/gm)].map(([name]) => name));
    const { panels, templating } = JSON.parse(readFileSync(join(ROOT, "examples/grafana/dashboard.json"), "utf8")) as {
      panels: { targets: { expr: string }[] }[];
      templating: { list: { query: string }[] };
    };
    const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const looked = templating.list.map(({ query }) => query).filter((query) => query.startsWith("label_values"));
    const names = [...queries, ...looked].flatMap((query) => query.match(/\b(cicd|action_runs)_[a-z_]+/g) ?? []);
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !served.has(name))).toEqual([]);
    // Everything that is served has a place in the dashboard.
    const families = [...served].map((name) => name.replace(/_(bucket|sum|count)$/, ""));
    expect(families.filter((family) => !names.some((name) => name.startsWith(family)))).toEqual([]);
    const rules = queries.map((expr, n) => ({ record: `q${n}`, expr: expr.replace(/\$__\w+/g, "5m") }));
    writeFileSync(join(folder, "dashboard.rules.yml"), JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    const { code, said } = promtool(["check", "rules", "dashboard.rules.yml"]);
    expect([code, said]).toEqual([0, expect.stringContaining(`SUCCESS: ${rules.length} rules found`)]);
  });
});

const SETTINGS = { ACTION_RUNS_URL: origin, ACTION_RUNS_TOKEN: token };

/** Writes this file of examples/prometheus/, with these changes. */
function write(name: string, ...changes: readonly (readonly [RegExp, string])[]): void {
  const example = readFileSync(join(ROOT, "examples/prometheus", name), "utf8");
  const places = [
    [/\/etc\/prometheus\/action-runs\.token/, join(folder, "action-runs.token")],
    [/\/etc\/prometheus\/action-runs\/shop\.json/, join(folder, "shop.json")],
  ] as const;
  const here = [...places, ...changes].reduce((text, [from, to]) => text.replace(from, to), example);
  writeFileSync(join(folder, name), here);
}

describe.skipIf(!hasPromtool)("examples/prometheus/", () => {
  it("has a configuration and eight alerts that Prometheus takes, with the targets that the command prints", async () => {
    writeFileSync(join(folder, "action-runs.token"), "terr_x");
    await fullMetrics();
    const targets = await cliJson<{ labels: { environment: string } }[]>(["ops", "scrape-targets"], SETTINGS);
    expect(targets.map(({ labels }) => labels.environment)).toContain("full");
    writeFileSync(join(folder, "shop.json"), JSON.stringify(targets));
    for (const name of ["prometheus.yml", "action-runs.rules.yml"]) write(name);
    const { code, said } = promtool(["check", "config", "--lint-fatal", "prometheus.yml"]);
    expect([code, said]).toEqual([0, expect.stringContaining("SUCCESS: 8 rules found")]);
  });

  it("has alerts that fire when they should, and not before", () => {
    write("action-runs.rules.yml");
    writeFileSync(join(folder, "alerts.test.yml"), JSON.stringify(ALERTS_TEST));
    const { code, said } = promtool(["test", "rules", "alerts.test.yml"]);
    expect([code, said]).toEqual([0, expect.stringContaining("SUCCESS")]);
  });
});

const hasPrometheus = spawnSync("prometheus", ["--version"]).status === 0;

it.skipIf(!hasPrometheus)(
  "in Prometheus, a run that waits for its approval fires the alert of waiting runs alone",
  async () => {
    const scope = { org: "of-metrics-test", project: "shop", env: "waiting" };
    const { actions, runs } = createClient({ baseUrl: origin, token, ...scope });
    await actions.put("deploy", { trigger: { type: "webhook", url: "https://ci.example.com/hook" }, approval: {} });
    await actions.run("deploy");
    await until("the run is replicated", async () => (await runs.summary()).pending === 1);
    const ofRun = await cliJson<{ labels: { environment: string } }[]>(["ops", "scrape-targets"], SETTINGS);
    writeFileSync(
      join(folder, "shop.json"),
      JSON.stringify(ofRun.filter(({ labels }) => labels.environment === "waiting")),
    );
    writeFileSync(join(folder, "action-runs.token"), token);
    // Whatever is open or waits at all is too old.
    const hurried = [/scrape_interval: 30s/, "scrape_interval: 1s"] as const;
    write("prometheus.yml", hurried, [/^rule_files/m, "global:\n  evaluation_interval: 1s\nrule_files"]);
    write("action-runs.rules.yml", [/> (7200|86400)/g, "> 0"], [/ +for: 5m\n/g, ""]);
    const port = await freePort();
    const data = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", `--web.listen-address=127.0.0.1:${port}`];
    const prometheus = spawn("prometheus", data, { cwd: folder, stdio: "ignore" });
    try {
      const firing = async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/api/v1/alerts`).catch(() => null);
        // It starts, or has not loaded its rules.
        if (!answer?.ok) return [];
        const { data } = (await answer.json()) as { data: { alerts: { labels: { alertname: string } }[] } };
        return data.alerts.map(({ labels }) => labels.alertname);
      };
      await until("an alert fires", async () => (await firing()).length > 0);
      expect(await firing()).toEqual(["ActionRunsOldestWaitingRun"]);
    } finally {
      prometheus.kill("SIGKILL");
      await once(prometheus, "exit");
    }
  },
);

const LABELS = 'job="action-runs",project="acme/shop",environment="production"';
const series = (name: string, labels: string, values: string) => ({ series: `${name}{${LABELS}${labels}}`, values });
const fires = (alertname: string, minute: number, labels: Record<string, string> | null, summary = "") => ({
  alertname,
  eval_time: `${minute}m`,
  exp_alerts:
    labels === null
      ? []
      : [
          {
            exp_labels: { project: "acme/shop", environment: "production", ...labels },
            exp_annotations: { summary: `acme/shop, production: ${summary}` },
          },
        ],
});

const ALERTS = [
  ...["NotScraped", "OldestOpenRun", "Failing", "Lost"],
  ...["OldestWaitingRun", "EndpointFailing", "Storage", "WaitForD1"],
];

/** Two hours of an environment. In the second one, everything goes wrong. promtool reads YAML, and so JSON. */
const ALERTS_TEST = {
  rule_files: ["action-runs.rules.yml"],
  evaluation_interval: "1m",
  tests: [
    {
      interval: "1m",
      input_series: [
        series("up", "", "1x60 0x60"),
        series("action_runs_oldest_open_age_seconds", ',status="pending"', "0x120"),
        // From minute 61 on, older than two hours.
        series("action_runs_oldest_open_age_seconds", ',status="running"', "600x60 7260+60x60"),
        series("action_runs_ended_total", ',status="succeeded",cause="callback"', "0+1x60 61x60"),
        series("action_runs_ended_total", ',status="failed",cause="callback"', "0x60 1+1x60"),
        series("action_runs_ended_total", ',status="failed",cause="delivery"', "0x60 1+1x60"),
        series("action_runs_ended_total", ',status="failed",cause="deadline"', "0x120"),
        // A planned run waits for days, and nobody needs to know.
        series("action_runs_oldest_waiting_age_seconds", ',gate="time"', "200000x120"),
        series("action_runs_oldest_waiting_age_seconds", ',gate="approval"', "86400x60 86460x60"),
        series("action_runs_endpoint_failing_seconds", ',endpoint="chat"', "3600x60 3660x60"),
        series("action_runs_endpoint_disabled", ',endpoint="chat"', "0x120"),
        series("action_runs_storage_ratio", ',store="database"', "0.8x60 0.81x60"),
        series("action_runs_oldest_unreplicated_age_seconds", "", "300x60 301x60"),
      ],
      alert_rule_test: [
        ...ALERTS.map((name) => fires(`ActionRuns${name}`, 60, null)),
        fires("ActionRunsNotScraped", 63, null),
        fires("ActionRunsNotScraped", 67, { job: "action-runs" }, "no scrape has worked for 5 minutes."),
        fires("ActionRunsOldestOpenRun", 67, {}, "a run has been open for over two hours."),
        fires("ActionRunsFailing", 100, {}, "over a quarter of the last hour's runs failed."),
        fires("ActionRunsLost", 70, { cause: "delivery" }, "runs fail by delivery."),
        fires(
          "ActionRunsOldestWaitingRun",
          61,
          { job: "action-runs", gate: "approval" },
          "a run waits for a day (approval).",
        ),
        fires("ActionRunsEndpointFailing", 61, { job: "action-runs", endpoint: "chat" }, "chat fails or is disabled."),
        fires("ActionRunsStorage", 61, { job: "action-runs", store: "database" }, "the database is over 80 % full."),
        fires("ActionRunsWaitForD1", 61, { job: "action-runs" }, "D1 lacks changes for 5 minutes."),
      ],
    },
    {
      // A run has waited for its approval for a day. Two others are open, for half an hour.
      interval: "1m",
      input_series: [
        series("up", "", "1x60"),
        series("action_runs_oldest_open_age_seconds", ',status="pending"', "0+60x30 0x30"),
        series("action_runs_oldest_open_age_seconds", ',status="running"', "0+60x30 0x30"),
        series("action_runs_oldest_waiting_age_seconds", ',gate="approval"', "80000+60x60"),
        series("action_runs_endpoint_disabled", ',endpoint="chat"', "1x60"),
      ],
      alert_rule_test: [
        ...ALERTS.filter((name) => name !== "EndpointFailing").map((name) => fires(`ActionRuns${name}`, 60, null)),
        fires("ActionRunsEndpointFailing", 60, { job: "action-runs", endpoint: "chat" }, "chat fails or is disabled."),
      ],
    },
  ],
};
