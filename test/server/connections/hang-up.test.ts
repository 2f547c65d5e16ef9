/** Clients that close their connection, over real sockets. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { sharedServer } from "../installation.ts";
import { ask, type CreatedRun, createToken } from "../load.ts";
import { until } from "../until.ts";

/** No other file has runs of this organization, so its subscriptions are free. */
const ORG = "of-hang-up-test";
const RUNS = `/${ORG}/shop/envs/prod/action-runs`;
/** The bounds of an environment's coordinator, as docs/capacity.md says. */
const SUBSCRIPTIONS_PER_TOKEN = 500;
const SUBSCRIPTIONS_PER_RUN_AND_TOKEN = 50;
/** Less than the 15 s until a stream's next comment, or the 25 s of a wait's call, would end a subscription. */
const AT_ONCE_MS = 8_000;

const shared = sharedServer(ORG);
const origin = new URL(shared.origin);

function url(path: string): string {
  return new URL(path, origin).href;
}

/** Creates tokens, one for each reader. */
function createTokens(n: number): Promise<string[]> {
  const body = { name: "reader", role: "viewer" };
  return Promise.all(Array.from({ length: n }, () => createToken(url(`/${ORG}/shop`), shared.token, body)));
}

function createRuns(n: number): Promise<CreatedRun[]> {
  const asked = { token: shared.token, body: { actionName: "deploy" } };
  const create = async () => (await ask<CreatedRun>("POST", url(RUNS), asked)).body;
  return Promise.all(Array.from({ length: n }, create));
}

/** Sends a request on a new socket, and does not read the response. */
async function request(path: string, token: string, accept = "*/*"): Promise<Socket> {
  const socket = connect(Number(origin.port), origin.hostname);
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${origin.host}\r\nAuthorization: Bearer ${token}\r\nAccept: ${accept}\r\n\r\n`,
  );
  return socket;
}

/** The status of an event stream, which is closed at once. */
async function streamStatus(run: CreatedRun, token: string): Promise<number> {
  const stop = new AbortController();
  const headers = { Authorization: `Bearer ${token}`, Accept: "text/event-stream" };
  const { status } = await fetch(url(`${RUNS}/${run.id}/events`), { headers, signal: stop.signal });
  stop.abort();
  return status;
}

function untilStatus(wanted: number, run: CreatedRun, token: string): Promise<void> {
  return until(`a stream gets ${wanted}`, async () => (await streamStatus(run, token)) === wanted);
}

test.each([
  ["waits", (id: string) => `${RUNS}/${id}?wait=60`, "*/*"],
  ["streams", (id: string) => `${RUNS}/${id}/events`, "text/event-stream"],
])("500 %s end their subscriptions at once when their clients hang up", async (_what, pathOf, accept) => {
  const [token = ""] = await createTokens(1);
  const runs = await createRuns(SUBSCRIPTIONS_PER_TOKEN / SUBSCRIPTIONS_PER_RUN_AND_TOKEN + 1);
  const free = runs.pop() as CreatedRun;
  const sockets: Socket[] = [];
  const openedAt = performance.now();
  for (let n = 0; n < SUBSCRIPTIONS_PER_TOKEN; n++) {
    const { id } = runs[n % runs.length] as CreatedRun;
    sockets.push(await request(pathOf(id), token, accept));
  }
  await untilStatus(503, free, token);

  const closedAt = performance.now();
  for (const socket of sockets) socket.resetAndDestroy();
  await untilStatus(200, free, token);
  // How long it took to open them says how busy this machine is.
  expect(performance.now() - closedAt).toBeLessThan(AT_ONCE_MS + (closedAt - openedAt));
  const waits = runs.map((run) => ask("GET", url(`${RUNS}/${run.id}?wait=60`), { token }));
  for (const run of runs) {
    const { callback } = run;
    await ask("POST", callback.url, { token: callback.token, body: { status: "succeeded" } });
  }
  for (const { status, body } of await Promise.all(waits)) {
    expect([status, body]).toMatchObject([200, { status: "succeeded" }]);
  }
});

test("600 waits of one token leave room for another token", async () => {
  const [greedy = "", other = ""] = await createTokens(2);
  const runs = await createRuns(4);
  const [run] = runs as [CreatedRun, ...CreatedRun[]];
  const sockets: Socket[] = [];
  for (let n = 0; n < SUBSCRIPTIONS_PER_TOKEN + 100; n++) {
    const { id } = runs[n % runs.length] as CreatedRun;
    sockets.push(await request(`${RUNS}/${id}?wait=60`, greedy));
  }
  await untilStatus(503, run, greedy);
  expect(await streamStatus(run, other)).toBe(200);
  const waiting = ask("GET", url(`${RUNS}/${run.id}?wait=60`), { token: other });
  const { url: callback, token } = run.callback;
  await ask("POST", callback, { token, body: { status: "succeeded" } });
  expect(await waiting).toMatchObject({ status: 200, body: { status: "succeeded" } });
  for (const socket of sockets) socket.resetAndDestroy();
});
