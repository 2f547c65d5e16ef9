/** What completion gets from the service. */

import { afterAll, expect, test } from "vitest";
import { cli } from "./in-process.ts";
import { badServer, json } from "./misbehaving.ts";

const FACETS: Readonly<Record<string, readonly string[]>> = {
  actionName: ["delete it", "deploy", "undeploy"],
  label: ["latest", "team:\x1b[2J", "team:a\nb", "team:shop"],
  triggeredBy: ["Ci", "ci-bot", "root"],
};
const server = await badServer(({ url = "" }, response) => {
  const { pathname, searchParams } = new URL(url, "http://service");
  if (pathname.endsWith("/actions")) {
    return json(response, 200, [{ name: "rollout" }, { name: "deploy-all" }]);
  }
  if (pathname.endsWith("/webhook-endpoints")) {
    return json(response, 200, [{ name: "pager" }, { name: "chat" }, { name: "changes" }]);
  }
  if (pathname.endsWith("/pauses")) {
    return json(response, 200, [{ group: "-environment" }, { group: "deploys" }, { group: "demos" }]);
  }
  if (pathname.endsWith("/concurrency-groups")) {
    return json(response, 200, [{ group: "deploys", key: "a" }, { group: "deploys", key: "b" }, { group: "dev" }]);
  }
  const all = FACETS[searchParams.get("field") ?? ""] ?? [];
  const contains = searchParams.get("contains")?.toLowerCase() ?? "";
  const values = all.filter((value) => value.toLowerCase().includes(contains));
  return json(response, 200, { values, more: false });
});
afterAll(() => server.close());

const settings = {
  ACTION_RUNS_URL: server.url,
  ACTION_RUNS_TOKEN: "terr_x",
  ACTION_RUNS_ORG: "acme",
  ACTION_RUNS_PROJECT: "shop",
  ACTION_RUNS_ENV: "prod",
  ACTION_RUNS_RETRIES: "0",
};

test.each([
  ["labels", "te", "team:shop\n"],
  ["action names", "de", "delete it\ndeploy\ndeploy-all\n"],
  ["stored actions", "de", "deploy-all\n"],
  ["webhook endpoints", "ch", "changes\nchat\n"],
  ["creators", "ci", "ci-bot\n"],
  ["concurrency groups", "de", "demos\ndeploys\ndev\n"],
  ["labels", "xy", ""],
])("suggest %j %j prints %j", async (what, begin, stdout) => {
  expect(await cli(["suggest", what, begin], settings)).toEqual({ code: 0, stdout, stderr: "" });
});

test("one character asks for nothing, and a problem prints nothing", async () => {
  const before = server.requests.length;
  expect(await cli(["suggest", "labels", "t"], settings)).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(server.requests).toHaveLength(before);
  const elsewhere = { ...settings, ACTION_RUNS_URL: "http://127.0.0.1:9" };
  expect(await cli(["suggest", "labels", "te"], elsewhere)).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await cli(["suggest", "labels", "te"], {})).toEqual({ code: 0, stdout: "", stderr: "" });
});
