/** The action `hello` of `npm start` and its job, on the shared server. */

import { request } from "node:http";
import { json } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { afterAll, describe, expect, it } from "vitest";
import { createClient, type Schemas } from "../../src/client/index.ts";
import { type HelloJob, type OfferedHello, offerHello, startHelloJob } from "../../src/dev/hello.ts";
import { sharedServer } from "../server/installation.ts";
import { until } from "../server/until.ts";
import { serve } from "../support/node-server.ts";

const { origin, token } = sharedServer("of-hello-test");
const clientOf = (env: string) => createClient({ baseUrl: origin, token, org: "of-hello-test", project: "shop", env });
const jobs: HelloJob[] = [];
afterAll(async () => {
  for (const job of jobs) await job.close();
});

function jobOf(offered: OfferedHello): HelloJob {
  if (!("job" in offered)) throw new Error(offered.why);
  return offered.job;
}

describe("the action hello", () => {
  const { actions, runs } = clientOf("offered");

  it("runs on this machine with progress to its end, fails if asked, and ends when it is cancelled", async () => {
    jobs.push(jobOf(await offerHello(actions, origin)));
    const [succeeding, failing, cancelled] = [
      await actions.run("hello", { parameters: { seconds: 1 } }),
      await actions.run("hello", { parameters: { seconds: 1, result: "failed" } }),
      await actions.run("hello", {}),
    ];
    await until("the job is at work", async () => (await runs.get(cancelled.id)).status === "running");
    await runs.cancel(cancelled.id, { reason: "too long" });
    const ends = [];
    for (const { id } of [succeeding, failing, cancelled]) ends.push(await runs.wait(id));
    expect(ends.map(({ status, error }) => [status, error])).toEqual([
      ["succeeded", null],
      ["failed", "The job failed because its run asked for that."],
      ["cancelled", "The job stopped because its run was cancelled."],
    ]);
    const told = [];
    for await (const event of runs.watch(succeeding.id))
      if (event.type === "heartbeat") told.push([event.message, event.progress]);
    expect(told).toEqual([
      ["Hello! The job has begun.", 0],
      ["Second 1 of 1 is over.", 1],
    ]);
    await expect(actions.run("hello", { parameters: { seconds: 61 } })).rejects.toMatchObject({
      code: "invalid_parameters",
    });
  });

  it("calls the next start's job, and keeps what a person changed; another webhook stays as it is", async () => {
    const { definition } = await actions.get("hello");
    await actions.put("hello", { ...(definition as Schemas["ActionDefinition"]), description: "Mine", timeout: 7 });
    await jobs.pop()?.close();
    const job = jobOf(await offerHello(actions, origin));
    jobs.push(job);
    // The same port, because secrets that a person stored don't move to another.
    expect(job.url).toBe(definition.trigger?.url);
    expect((await actions.get("hello")).definition).toMatchObject({
      description: "Mine",
      timeout: 7,
      trigger: { url: job.url, cancel: { url: job.stopUrl }, signingSecret: null },
    });
    const { id } = await actions.run("hello", { parameters: { seconds: 1 } });
    expect((await runs.wait(id)).status).toBe("succeeded");

    await actions.put("hello", { ...(definition as Schemas["ActionDefinition"]), approval: { required: 1 } });
    const offered = await offerHello(actions, origin);
    jobs.push(jobOf(offered));
    expect(offered.why).toContain("waits for an approval");

    const theirs = { trigger: { type: "webhook" as const, url: "http://127.0.0.1:9/mine" } };
    const { version } = await actions.put("hello", theirs);
    expect(await offerHello(actions, origin)).toEqual({ why: expect.stringContaining("Delete it") });
    expect(await actions.get("hello")).toMatchObject({ version, definition: theirs });
  });
});

describe("the job", () => {
  const signingSecret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  const seen: string[] = [];
  const messages: string[] = [];
  /** Stands for the service. */
  const listening = serve(async (asked, response) => {
    const { message } = (await json(asked)) as { readonly message?: string };
    seen.push(asked.url ?? "");
    if (message !== undefined) messages.push(message);
    const goesOn = { status: "running", deadlineAt: "2099-01-01T00:00:00.000Z", cancel: null };
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(goesOn));
  });
  afterAll(async () => (await listening).close());

  interface Sent {
    readonly body?: string;
    readonly path?: string;
    readonly method?: string;
    readonly secret?: string;
    readonly host?: string;
    readonly ageSeconds?: number;
    readonly id?: string;
  }

  const dispatch = (parameters: object = {}, callbackUrl = "http://127.0.0.1:1/a/b/envs/c/action-runs/d/callback") =>
    JSON.stringify({ run: { callbackUrl, callbackToken: "a-token" }, parameters });

  async function statusOf(job: HelloJob, sent: Sent): Promise<number> {
    const { body = dispatch(), path = "/hello", method = "POST", secret = signingSecret } = sent;
    const { host = new URL(job.url).host, ageSeconds = 0, id = crypto.randomUUID() } = sent;
    const at = new Date(Date.now() - ageSeconds * 1000);
    const headers = {
      Host: host,
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": new Webhook(secret).sign(id, at, body),
    };
    return new Promise((resolve, reject) => {
      const asking = request(new URL(path, job.url), { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asking.on("error", reject).end(method === "GET" ? undefined : body);
    });
  }

  it("does nothing for a stranger, takes two parameters and no text, and reports to its own server alone", async () => {
    const serverUrl = (await listening).url;
    const job = await startHelloJob({ signingSecret, serverUrl, port: 0 });
    jobs.push(job);
    expect(job.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/hello$/);
    const refused: readonly (readonly [status: number, sent: Sent])[] = [
      [421, { host: "evil.example" }],
      [421, { host: `localhost:${new URL(job.url).port}` }],
      [405, { method: "GET" }],
      [401, { secret: `whsec_${Buffer.alloc(32, 8).toString("base64")}` }],
      [401, { ageSeconds: 3600 }],
      [401, { path: "/hello/stop", secret: `whsec_${Buffer.alloc(32, 8).toString("base64")}` }],
      [404, { path: "/" }],
      [404, { path: "/hello/stop" }],
      [413, { body: dispatch({ text: "x".repeat(70_000) }) }],
      [400, { body: "{" }],
      [400, { body: dispatch({}, "http://127.0.0.1:1/not-a-run") }],
      ...[0, 61, 1.5, "5"].map((seconds) => [422, { body: dispatch({ seconds }) }] as const),
      [422, { body: dispatch({ result: "; rm -rf /" }) }],
    ];
    for (const [status, sent] of refused) expect([await statusOf(job, sent), sent]).toEqual([status, sent]);
    expect(seen).toEqual([]);

    const id = crypto.randomUUID();
    // The host of another server, where nobody listens.
    const body = dispatch({ seconds: 60 }, "http://127.0.0.1:1/a/callback");
    expect([await statusOf(job, { id, body }), await statusOf(job, { id, body })]).toEqual([202, 202]);
    await until("the job is at work", () => seen.length > 0);
    expect(await statusOf(job, { id: `${id}-cancel`, path: "/hello/stop", body: "{}" })).toBe(204);
    await until("the job reports its end", () => seen.includes("/a/callback"));
    expect(new Set(seen)).toEqual(new Set(["/a/heartbeat", "/a/callback"]));
    // The second dispatch started nothing.
    expect(messages.filter((message) => message.includes("has begun"))).toHaveLength(1);
  });
});
