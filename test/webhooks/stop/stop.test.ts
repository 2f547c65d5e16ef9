/** The request that stops a job: when it is sent, what it contains, and what becomes of it, against real receivers. */

import { abortAllDurableObjects } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { hurryTime } from "../../support/clock.ts";
import { journal, MINUTE_MS, restart, until } from "../../support/direct.ts";
import type { Answer, ReceivedRequest } from "../../support/receiver/client.ts";
import { ask, scopeOfPath } from "../../support/requests.ts";
import { useSettings } from "../../support/use-settings.ts";
import { answering, fire, LEASE_OVER_MS, loseFirstAttempt, ORIGIN, untilNobodyWaits } from "../runs.ts";
import { askToStop, externalUrl, play, QUEUED, queued, rowsOf, stopping, untilErased } from "./stoppable-runs.ts";

await useSettings("development");

const JSON_TYPE = { "Content-Type": "application/json" };

describe("a stop request", () => {
  it("is a signed POST with an id of its own, and has no header of the trigger", async () => {
    const signingSecret = `whsec_${btoa("a-signing-key-of-the-caller-32-b")}`;
    const more = { headers: { Authorization: "Bearer start-token-1" }, signingSecret };
    const { run, stops } = await queued({ status: 202 }, { headers: { "X-Why": "{{ run.actionName }}" } }, [], more);
    await run.cancel();
    const [request] = await stops.untilInbox(1);
    const id = `${run.created.id}-cancel`;
    expect(request).toMatchObject({ method: "POST", body: "{}" });
    expect(request?.headers).toMatchObject({ "webhook-id": id, "idempotency-key": id, "x-why": "deploy" });
    expect(request?.headers["action-runs-delivery"]).toBe(run.created.id);
    expect(request?.headers["webhook-signature"]).toMatch(/^v1,/);
    expect(request?.headers.authorization).toBeUndefined();
    await untilErased(run);
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
  });

  it("is not sent if no attempt has begun", async () => {
    const { run, stops } = await queued({ status: 503, headers: { "Retry-After": "600" } });
    // As if the dispatch waited for room.
    await journal(run.path, "UPDATE dispatches SET attempt = 0");
    await run.cancel();
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
    expect(await stops.inbox()).toEqual([]);
  });

  it("is sent if an attempt has begun and failed, because it may have arrived all the same", async () => {
    const { run, stops } = await queued({ status: 503, headers: { "Retry-After": "600" } });
    await run.cancel();
    await stops.untilInbox(1);
  });

  it("is sent if the operator erases the environment", async () => {
    const { run, stops } = await queued({ status: 202 });
    const confirm = scopeOfPath(run.path);
    expect((await ask("POST", run.path.replace(/action-runs$/, "erase"), { body: { confirm } })).status).toBe(202);
    await stops.untilInbox(1);
  });

  it("is erased when the run ends by itself", async () => {
    const { run, stops } = await queued({ status: 202 });
    expect(await rowsOf(run)).toEqual({ stopRequests: 1, responses: 0 });
    await run.report({ status: "succeeded" });
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
    expect(await stops.inbox()).toEqual([]);
  });

  it.each([200, 404, 409, 410])("is done when it is answered %i", async (status) => {
    const { run, stops } = await stopping({ status: 202 }, {}, [{ status }]);
    await untilErased(run);
    expect((await run.timeline()).at(-1)).toMatchObject({ type: "stop_answered", outcome: "accepted", status });
    expect(await stops.inbox()).toHaveLength(1);
  });

  it("is retried with the same id, after the run has ended", async () => {
    const { run, stops } = await queued({ status: 202 }, {}, [{ status: 503 }, { status: 204 }]);
    await run.cancel();
    const requests = await stops.untilInbox(2);
    expect(new Set(requests.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    await untilErased(run);
    const story = await run.story();
    expect(story.at(-1)).toBe("ended");
    expect(story.some((type) => type.startsWith("stop_"))).toBe(false);
  });

  it("makes no attempt later than 15 minutes after the end, and is erased then", async () => {
    const { run, stops } = await queued({ status: 202 }, {}, [{ status: 503, headers: { "Retry-After": "840" } }]);
    await run.cancel();
    await stops.untilInbox(1);
    await until(async () => (await rowsOf(run)).stopRequests === 1 && (await stops.open()).open === 0);
    await run.alarmIn(15 * MINUTE_MS + 1000);
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
    await scheduler.wait(50);
    expect(await stops.inbox()).toHaveLength(1);
  });

  it("whose attempt is under way when the 15 minutes end has its lease, and no alarm rings before it is over", async () => {
    const { run, stops } = await queued({ status: 202 }, {}, [
      { status: 503, headers: { "Retry-After": "880" } },
      { mode: "hang" },
    ]);
    await run.cancel();
    await stops.untilInbox(1);
    await until(async () => (await stops.open()).open === 0);
    const endsAt = Date.parse((await run.get()).completedAt ?? "") + 15 * MINUTE_MS;
    await run.alarmIn(endsAt - 1000 - Date.now());
    await stops.untilInbox(2);
    await run.alarmIn(endsAt + 1000 - Date.now());
    const [due] = await journal<{ at: number }>(run.path, "SELECT due_at AS at FROM stop_requests");
    expect(due?.at).toBeGreaterThan(endsAt + 20_000);
    await run.alarmIn(endsAt + LEASE_OVER_MS - Date.now());
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
  });

  it("is given up if the receiver asks for a retry after the 15 minutes", async () => {
    const { run, stops } = await queued({ status: 202 }, {}, [{ status: 503, headers: { "Retry-After": "3600" } }]);
    await run.cancel();
    await stops.untilInbox(1);
    await untilErased(run);
  });

  it.each([302, 307, 403])("is given up when it is answered %i, and follows no redirect", async (status) => {
    const headers = { Location: "/elsewhere" };
    const { run, stops } = await queued({ status: 202 }, {}, [{ status, headers }]);
    await run.cancel();
    await stops.untilInbox(1);
    await untilErased(run);
    expect(await stops.inbox()).toHaveLength(1);
  });

  it("has an instant at which it is erased, from the start", async () => {
    const { run } = await queued({ status: 202 });
    const due = await journal<{ at: number }>(run.path, "SELECT due_at AS at FROM stop_requests");
    expect(due).toEqual([{ at: Date.parse(run.created.callback.expiresAt) + 15 * MINUTE_MS }]);
  });
});

describe("while the run is open, the timeline shows", () => {
  it("each attempt of the stop request and its answer", async () => {
    const { run, stops } = await stopping({ status: 202 }, {}, [{ status: 503, body: "wait" }, { status: 204 }]);
    await untilErased(run);
    const { host } = new URL(stops.url);
    expect((await run.timeline()).slice(4)).toMatchObject([
      { type: "cancel_requested", by: "root" },
      { type: "stop_started", attempt: 1, host },
      { type: "stop_answered", attempt: 1, outcome: "retry", status: 503, excerpt: "wait" },
      { type: "stop_started", attempt: 2, host },
      { type: "stop_answered", attempt: 2, outcome: "accepted", status: 204, nextAttemptAt: null },
    ]);
    expect((await run.get()).status).toBe("running");
  });

  const MISSING: readonly [string, string, string][] = [
    ["a value is missing", "{}", "was not called: the response has no usable {{ response.id }}"],
    ["there is no response", "", "was not called: the response has no usable {{ response.id }}"],
  ];
  it.each(MISSING)("why nothing is sent: %s", async (_what, body, reason) => {
    const { run, stops } = await stopping({ status: 202, body }, { url: "/{{ response.id }}" });
    await untilErased(run);
    expect((await run.timeline()).at(-1)).toMatchObject({
      type: "stop_answered",
      outcome: "given_up",
      status: null,
      reason,
    });
    expect(await stops.inbox()).toEqual([]);
  });

  it("nothing after the end: a response that comes then is only logged", async () => {
    const log = vi.spyOn(console, "log");
    const { run, stops } = await stopping({ status: 202 }, {}, [{ status: 200, delayMs: 250 }]);
    await stops.untilInbox(1);
    await run.report({ status: "failed", error: "stopped" });
    await untilErased(run);
    expect((await run.story()).at(-1)).toBe("ended");
    expect(log.mock.calls.flat().join("\n")).toContain('"stop_answered"');
  });
});

describe("a request to stop a running run", () => {
  it("reaches the job, and the run ends as cancelled when the job reports that it failed", async () => {
    const { run, stops } = await stopping({ status: 202 });
    await stops.untilInbox(1);
    await run.report({ status: "failed", error: "stopped" });
    expect(await run.get()).toMatchObject({ status: "cancelled", error: "stopped" });
    await untilErased(run);
  });

  it("sends one request, however often it is repeated", async () => {
    const { run, stops } = await stopping({ status: 202 });
    await askToStop(run);
    await stops.untilInbox(1);
    await untilErased(run);
    await askToStop(run);
    await run.alarmIn(61_000);
    expect((await run.get()).status).toBe("cancelled");
    expect(await stops.inbox()).toHaveLength(1);
  });

  it("sends nothing after the run has succeeded: a retry that waits does not leave", async () => {
    const { run, stops } = await stopping({ status: 202 }, {}, [{ status: 503, headers: { "Retry-After": "20" } }]);
    await until(async () => (await run.story()).includes("stop_answered"));
    await run.report({ status: "succeeded" });
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
    await run.alarmIn(21_000);
    expect(await stops.inbox()).toHaveLength(1);
  });

  it("sends nothing after the run has succeeded: a request that waits for the webhook's response does not leave", async () => {
    const { run, stops, starts } = await play({ mode: "hang" });
    await starts.untilInbox(1);
    await run.heartbeat();
    await askToStop(run);
    expect(await rowsOf(run)).toMatchObject({ stopRequests: 1 });
    await run.report({ status: "succeeded" });
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
    await run.alarmIn(LEASE_OVER_MS);
    expect(await stops.inbox()).toEqual([]);
  });

  it("without a grace ends the run at once, and the stop request is sent all the same", async () => {
    const { run, stops } = await play({ status: 202 });
    await run.untilStatus("running");
    const url = `${ORIGIN}${run.path}/${run.created.id}/cancel`;
    expect((await ask("POST", url, { body: { graceSeconds: 0 } })).status).toBe(200);
    await stops.untilInbox(1);
    await untilErased(run);
    expect((await run.story()).at(-1)).toBe("ended");
  });
});

describe("an attempt is under way when the run is cancelled", () => {
  const ID = "{{ response.id }}";

  it("and the stop request waits for its answer, which names the job", async () => {
    const { run, stops, starts } = await play(
      { status: 202, delayMs: 250, headers: JSON_TYPE, body: '{"id":4711}' },
      { url: `/jobs/${ID}/stop` },
    );
    await starts.untilInbox(1);
    expect((await run.cancel()).status).toBe(200);
    expect(await stops.inbox()).toEqual([]);
    const [request] = await stops.untilInbox(1);
    expect(request?.path).toMatch(/\/jobs\/4711\/stop$/);
    await untilErased(run);
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
    expect((await run.get()).status).toBe("cancelled");
  });

  const MOMENTS = [0, 100, 200, 230, 245, 250, 255, 270, 300, 400];
  it.each(MOMENTS)("or was: cancelled after %i ms, the job is named and asked to stop once", async (ms) => {
    const { run, stops, starts } = await play(
      { status: 202, delayMs: 250, headers: JSON_TYPE, body: '{"id":4711}' },
      { url: `/jobs/${ID}/stop` },
      [],
      QUEUED,
    );
    await starts.untilInbox(1);
    await scheduler.wait(ms);
    // Several at once, of which one cancels.
    await Promise.all([run.cancel(), run.cancel(), run.cancel()]);
    await untilErased(run);
    await run.alarmIn(LEASE_OVER_MS);
    const paths = (await stops.inbox()).map(({ path }) => path);
    expect(paths).toEqual([expect.stringMatching(/\/jobs\/4711\/stop$/)]);
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
    expect((await run.story()).at(-1)).toBe("ended");
  });

  it("and a newer one is: the response of the older one does not end the wait, unless it names the job", async () => {
    const [starts, stops] = await Promise.all([
      answering({ delayMs: 400, status: 503 }, { delayMs: 800, status: 202, body: '{"id":2}' }),
      answering(),
    ]);
    const run = await fire(starts.url, { cancel: { url: `${stops.url}/jobs/${ID}` } });
    await loseFirstAttempt(run, starts);
    await run.cancel();
    const [request] = await stops.untilInbox(1);
    expect(request?.path).toMatch(/\/jobs\/2$/);
  });

  it("and the stop request leaves at the end of the lease if no response comes", async () => {
    const { run, stops, starts } = await play({ mode: "hang" });
    await starts.untilInbox(1);
    await run.cancel();
    await run.alarmIn(28_000);
    await scheduler.wait(50);
    expect(await stops.inbox()).toEqual([]);
    await run.alarmIn(LEASE_OVER_MS);
    await stops.untilInbox(1);
  });

  it("and breaks off, and the stop request leaves at once", async () => {
    const { run, stops, starts } = await play({ mode: "reset", delayMs: 250 });
    await starts.untilInbox(1);
    await run.cancel();
    await stops.untilInbox(1);
    await untilErased(run);
  });

  it("and the object dies: after the lease the request is sent, without what only the response said", async () => {
    const { run, stops, starts } = await play({ mode: "hang" }, { url: "/all?run={{ run.id }}" });
    await starts.untilInbox(1);
    await run.cancel();
    await abortAllDurableObjects();
    await run.alarmIn(LEASE_OVER_MS);
    const [request] = await stops.untilInbox(1);
    expect(request?.path).toContain(run.created.id);
  });

  it("and a heartbeat has started the run: the response still names the job", async () => {
    const { run, stops, starts } = await play(
      { status: 202, delayMs: 250, body: '{"id":"a b/c"}' },
      { url: `/jobs/${ID}/stop` },
    );
    await starts.untilInbox(1);
    await run.heartbeat();
    await untilNobodyWaits(starts);
    await until(async () => (await rowsOf(run)).responses === 1);
    await askToStop(run);
    const [request] = await stops.untilInbox(1);
    expect(request?.path).toMatch(/\/jobs\/a%20b%2Fc\/stop$/);
    await untilErased(run);
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
  });
});

describe("the object restarts", () => {
  it("and still knows what the receiver answered", async () => {
    const { run, stops } = await play({ status: 202, body: '{"id":4711}' }, { url: "/jobs/{{ response.id }}" });
    await run.untilStatus("running");
    expect(await rowsOf(run)).toEqual({ stopRequests: 1, responses: 1 });
    await restart(run.path);
    await askToStop(run);
    const [request] = await stops.untilInbox(1);
    expect(request?.path).toMatch(/\/jobs\/4711$/);
  });
});

/** How products answer a dispatch, how they are asked to stop, and what must arrive. */
interface Product {
  readonly answer: Answer;
  readonly cancel: Readonly<Record<string, unknown>>;
  readonly link?: string;
  readonly arrives: Partial<ReceivedRequest>;
  readonly page?: string;
}

const created = (body: unknown, status = 201): Answer => ({ status, headers: JSON_TYPE, body: JSON.stringify(body) });
const PRODUCTS: Readonly<Record<string, Product>> = {
  "GitHub with return_run_details": {
    answer: created(
      {
        workflow_run_id: 19_876_543_210,
        run_url: "https://api.github.com/repos/octo/shop/actions/runs/19876543210",
        html_url: "https://github.com/octo/shop/actions/runs/19876543210",
      },
      200,
    ),
    cancel: {
      url: "/repos/octo/shop/actions/runs/{{ response.workflow_run_id }}/cancel",
      headers: { Authorization: "Bearer {{ secrets.token }}" },
    },
    link: "{{ response.html_url }}",
    arrives: { method: "POST", path: "/repos/octo/shop/actions/runs/19876543210/cancel", body: "{}" },
    page: "https://github.com/octo/shop/actions/runs/19876543210",
  },
  GitLab: {
    answer: created({ id: 61, status: "created", web_url: "https://gitlab.example.com/octo/shop/-/pipelines/61" }),
    cancel: {
      url: "/api/v4/projects/7/pipelines/{{ response.id }}/cancel",
      headers: { "PRIVATE-TOKEN": "{{ secrets.token }}" },
    },
    link: "{{ response.web_url }}",
    arrives: { method: "POST", path: "/api/v4/projects/7/pipelines/61/cancel" },
    page: "https://gitlab.example.com/octo/shop/-/pipelines/61",
  },
  Azure: {
    answer: created(
      {
        id: 142,
        state: "inProgress",
        _links: { web: { href: "https://dev.azure.com/o/p/_build/results?buildId=142" } },
      },
      200,
    ),
    cancel: {
      url: "/o/p/_apis/build/builds/{{ response.id }}?api-version=7.1",
      method: "PATCH",
      headers: { Authorization: "Basic {{ secrets.token }}" },
      payload: { status: "cancelling", id: "{{ response.id }}", note: "build {{ response.id }}" },
    },
    link: "{{ response._links.web.href }}",
    arrives: {
      method: "PATCH",
      path: "/o/p/_apis/build/builds/142?api-version=7.1",
      body: '{"status":"cancelling","id":142,"note":"build 142"}',
    },
    page: "https://dev.azure.com/o/p/_build/results?buildId=142",
  },
  Jenkins: {
    answer: { status: 201, headers: { Location: "https://jenkins.example/queue/item/33/" }, body: "" },
    cancel: {
      url: "/queue/stop",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      payload: { item: "{{ response.headers.location }}", token: "{{ secrets.token }}" },
    },
    arrives: {
      method: "POST",
      path: "/queue/stop",
      body: "item=https%3A%2F%2Fjenkins.example%2Fqueue%2Fitem%2F33%2F&token=a-token-that-is-secret-1",
    },
  },
};

describe("a product that answers like", () => {
  it.each(Object.entries(PRODUCTS))("%s is asked to stop its job, and its page is shown", async (_name, product) => {
    const { answer, cancel, link, arrives, page } = product;
    const secrets = { token: "a-token-that-is-secret-1" };
    const more = { secrets, ...(link !== undefined && { link }) };
    const { run, stops } = await queued(answer, cancel, [], more);
    if (page !== undefined) await until(async () => (await externalUrl(run)) === page);
    await run.cancel();
    const [request] = await stops.untilInbox(1);
    const { path = "", ...rest } = arrives;
    expect(request).toMatchObject(rest);
    expect(new URL(request?.path ?? "", stops.url).href).toBe(`${stops.url}${path}`);
    await untilErased(run);
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
  });
});

describe("a hostile answer", () => {
  const SECRET = "hunter2-and-a-bit-more";
  const HOSTILE: readonly [string, Answer][] = [
    ["is no success", { status: 503, headers: { "Retry-After": "600" }, body: '{"id":1}' }],
    ["has 1 MB", { body: `{"pad":"${"x".repeat(1024 * 1024)}","id":1}` }],
    ["is no JSON", { body: "<html>id</html>" }],
    ["has it only on the prototype", { body: '{"__proto__":{"id":7}}' }],
    ["has an object there", { body: '{"id":{"toString":"7"}}' }],
    ["has a list there", { body: '{"id":["7"]}' }],
    ["has null there", { body: '{"id":null}' }],
    ["has an empty text there", { body: '{"id":""}' }],
    ["has a long text there", { body: `{"id":"${"7".repeat(257)}"}` }],
    ["has a number that JavaScript rounds", { body: '{"id":12345678901234567890}' }],
    ["has an endless number", { body: '{"id":1e400}' }],
    ["is deep", { body: `${'{"id":'.repeat(5000)}1${"}".repeat(5000)}` }],
    ["never ends", { mode: "endless", body: '{"id": ' }],
    ["leaves the path", { body: '{"id":".."}' }],
  ];
  it.each(HOSTILE)("that %s makes no stop request", async (_what, answer) => {
    hurryTime();
    const { run, stops } = await queued({ status: 202, ...answer }, { url: "/jobs/{{ response.id }}/stop" }, [], {
      headers: { "X-Api-Key": "{{ secrets.key }}" },
      secrets: { key: SECRET },
    });
    await run.cancel();
    await untilErased(run);
    expect(await stops.inbox()).toEqual([]);
    expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
  });

  it("that is a template is sent as it is", async () => {
    const { run, stops } = await queued(
      { status: 202, body: JSON.stringify({ id: "{{ secrets.key }}", __proto__: 1 }) },
      { url: "/jobs/{{ response.id }}", payload: { id: "{{ response.id }}", text: '"{{ response.id }}"' } },
      [],
      { secrets: { key: SECRET } },
    );
    await run.cancel();
    const [request] = await stops.untilInbox(1);
    expect(request?.path).toContain("/jobs/%7B%7B%20secrets.key%20%7D%7D");
    expect(JSON.parse(request?.body ?? "")).toEqual({ id: "{{ secrets.key }}", text: '"{{ secrets.key }}"' });
  });

  it("that would add a header line makes no stop request", async () => {
    const { run, stops } = await queued(
      { status: 202, body: '{"id":"1\\r\\nX-Evil: 1"}' },
      { headers: { "X-Job": "{{ response.id }}" } },
    );
    await run.cancel();
    await untilErased(run);
    expect(await stops.inbox()).toEqual([]);
  });

  it("can't choose the host", async () => {
    const { run, stops } = await queued(
      { status: 202, body: '{"id":"@evil.example:80/\\\\//x?#"}' },
      { url: "/{{ response.id }}" },
    );
    await run.cancel();
    const [request] = await stops.untilInbox(1);
    expect(request?.path).toContain("/%40evil.example%3A80%2F%5C%2F%2Fx%3F%23");
  });

  it.each([
    ["../../admin", "would leave the URL's path"],
    ["1\n", "has a control character, which the URL's path can't have"],
    ["/", "leaves nothing between two slashes of the URL's path"],
  ])("can't lead to another path: %j", async (id, why) => {
    const body = JSON.stringify({ id });
    const { run, stops } = await stopping({ status: 202, body }, { url: "/jobs/{{ response.id }}/stop" });
    await untilErased(run);
    const reason = `was not called: a value of the response ${why}`;
    expect((await run.timeline()).at(-1)).toMatchObject({ type: "stop_answered", outcome: "given_up", reason });
    expect(await stops.inbox()).toEqual([]);
  });

  const LINKS: readonly [string, string][] = [
    ["javascript:", "javascript:alert(1)"],
    ["http", "http://ci.example.com/1"],
    ["credentials", "https://user:pw@ci.example.com/1"],
    ["empty credentials", "https://@ci.example.com/1"],
    ["a line break", "https://ci.example.com/\n1"],
    ["no URL", "see the page"],
    ["2049 characters", `https://ci.example.com/${"x".repeat(2026)}`],
  ];
  it.each(LINKS)("with a link that has %s shows no link", async (_what, url) => {
    const receiver = await answering({ status: 202, body: JSON.stringify({ url }) });
    const run = await fire(receiver.url, { ...QUEUED, link: "{{ response.url }}" });
    await run.untilAnswered(1);
    expect(await externalUrl(run)).toBeNull();
  });
});
