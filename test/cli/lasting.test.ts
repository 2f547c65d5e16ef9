/** `watch` and `--wait` go on although the server goes away. */

import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import { cli } from "./in-process.ts";
import { type BadServer, badServer, html, json, RUN } from "./misbehaving.ts";

const open: BadServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const CREATED = { seq: 1, type: "created", at: RUN.createdAt, by: "root" };
const ENDED = { seq: 2, type: "ended", at: RUN.createdAt, status: "succeeded", cause: "callback" };
const DONE = { ...RUN, status: "succeeded", startedAt: RUN.createdAt, completedAt: RUN.createdAt };
const GONE = /The server can't answer now, so the command waits for it\. Ctrl-C stops waiting\./g;
const BACK = /The server answers again\./g;

/** A server that answers to events and reads in turn as the steps say. The last one stays. */
async function serve(events: readonly Step[], reads: readonly Step[]) {
  const next = { events: [...events], reads: [...reads] };
  const server = await badServer(({ url = "" }, response) => {
    const steps = next[url.includes("/events") ? "events" : "reads"];
    const step = steps.length > 1 ? steps.shift() : steps[0];
    step?.(response);
  });
  open.push(server);
  const settings = {
    ACTION_RUNS_URL: server.url,
    ACTION_RUNS_TOKEN: "terr_x",
    ACTION_RUNS_ORG: "acme",
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
    ACTION_RUNS_RETRIES: "0",
  };
  return { server, run: (...args: readonly string[]) => cli(args, settings) };
}

type Step = (response: ServerResponse) => void;

const gone: Step = (response) => response.destroy();
const answering =
  (status: number, body: object): Step =>
  (response) =>
    json(response, status, body);
const proxy: Step = (response) => html(response, 502);
const streaming =
  (...events: readonly object[]): Step =>
  (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.end(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
  };

test("watch waits for a server that is gone, says so once, and shows each event once", async () => {
  const { run } = await serve(
    [streaming(CREATED), gone, proxy, streaming(CREATED, ENDED)],
    [answering(200, RUN), answering(200, DONE)],
  );
  const { code, stdout, stderr } = await run("watch", RUN.id, "--json");
  expect([code, stdout]).toEqual([0, `${JSON.stringify(CREATED)}\n${JSON.stringify(ENDED)}\n`]);
  expect([stderr.match(GONE)?.length, stderr.match(BACK)?.length]).toEqual([1, 1]);
});

test("watch waits for the last read too", async () => {
  const { run } = await serve([streaming(CREATED, ENDED)], [answering(200, RUN), gone, answering(200, DONE)]);
  const { code, stdout, stderr } = await run("watch", RUN.id, "--no-json");
  expect([code, stderr.match(GONE)?.length]).toEqual([0, 1]);
  expect(stdout).toMatch(/^completed: +2026-11-25T13:21:48Z, took 0ms$/m);
});

test("get --wait goes on too", async () => {
  const { run } = await serve([gone], [answering(200, RUN), gone, proxy, answering(200, DONE)]);
  const { code, stdout, stderr } = await run("get", RUN.id, "--wait");
  expect([code, JSON.parse(stdout)]).toEqual([0, DONE]);
  expect([stderr.match(GONE)?.length, stderr.match(BACK)?.length]).toEqual([1, 1]);
});

test("get --wait shows people the events of a server that is back", async () => {
  const reads = [answering(200, RUN), answering(200, DONE)];
  const { run } = await serve([streaming(CREATED), gone, proxy, streaming(CREATED, ENDED)], reads);
  const { code, stdout, stderr } = await run("get", RUN.id, "--wait", "--no-json");
  expect([code, stderr.match(GONE)?.length, stderr.match(BACK)?.length]).toEqual([0, 1, 1]);
  expect(stderr.match(/Z {2}(created|ended) /g)).toEqual(["Z  created ", "Z  ended "]);
  expect(stdout).toMatch(/^status: +succeeded$/m);
});

test.each([
  ["watch", ["watch", RUN.id]],
  ["get --wait", ["get", RUN.id, "--wait"]],
])("%s ends if the server refuses, and if it never answered", async (_, args) => {
  const revoked = answering(401, { error: "This API token is unknown.", code: "token_invalid" });
  const refused = await serve([revoked], [answering(200, RUN), revoked]);
  expect(await refused.run(...args)).toMatchObject({ code: 3, stdout: "" });
  const never = await serve([gone], [gone]);
  expect(await never.run(...args)).toMatchObject({ code: 6, stdout: "" });
  expect(never.server.requests).toHaveLength(1);
});
