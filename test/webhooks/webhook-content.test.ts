/** What a receiver gets of a run: the callback URL, the default payload, and the position in the trace. */

import { describe, expect, it } from "vitest";
import { RENDERED_MAX_BYTES } from "../../src/base/limits.ts";
import { trigger } from "../../src/webhooks/trigger.ts";
import { renderTrigger } from "../../src/webhooks/trigger-requests.ts";
import { newActionsPath } from "../actions/actions.ts";
import { askWith, envWith } from "../support/bindings.ts";
import { receiver } from "../support/receiver/client.ts";
import type { CreatedRun } from "../support/requests.ts";
import { grantToken } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, fire, ORIGIN } from "./runs.ts";
import { contextWith } from "./template/template-context.ts";

await useSettings("development");

it("the callback URL is the operator's, whatever Host the caller of an action, a retry or a create sent", async () => {
  const to = await answering({ status: 202 }, { status: 202 }, { status: 202 });
  const environment = envWith({ PUBLIC_URL: ORIGIN });
  // The caller's choice, which still looks like this machine's own name.
  const chosen = "http://localhost:6666";
  const actions = newActionsPath();
  const runs = actions.replace(/actions$/, "action-runs");
  const trigger = { type: "webhook", url: to.url, startOn: "heartbeat" };
  const post = (path: string, body: object) => askWith<CreatedRun>(environment, "POST", chosen + path, { body });
  await askWith(environment, "PUT", `${ORIGIN}${actions}/deploy`, { body: { trigger } });
  const ran = await post(`${actions}/deploy/runs`, {});
  await askWith(environment, "DELETE", `${ORIGIN}${runs}/${ran.body.id}`);
  const retried = await post(`${runs}/${ran.body.id}/retry`, {});
  const created = await post(runs, { actionName: "deploy", trigger });
  expect([ran.status, retried.status, created.status]).toEqual([201, 201, 201]);
  const inbox = await to.untilInbox(3);
  const sent = inbox.map(({ body }) => (JSON.parse(body) as { run: { callbackUrl: string } }).run.callbackUrl);
  const wanted = [ran, retried, created].map(({ body }) => `${ORIGIN}${runs}/${body.id}/callback`);
  expect(sent.sort()).toEqual(wanted.sort());
});

const TRAPS = ["{{ run.callbackToken }}", "x {{run.callbackUrl}} y", "{{ oops", "{{ run.nothing }}", "}} {{ {{"];

it.each(TRAPS)("%s arrives unchanged from every place that a caller can fill", async (trap) => {
  const project = `/acme/p-${crypto.randomUUID().slice(0, 13)}`;
  const { token } = await grantToken(project, { role: "member", name: trap });
  const inputs = {
    parameters: { comment: trap, [trap]: { [trap]: [trap, { [trap]: trap }] } },
    recommendations: { list: [[trap]], [trap]: 1 },
  };
  const to = receiver();
  const { created } = await fire(
    to.url,
    {},
    { path: `${project}/envs/production/action-runs`, body: { ...inputs, actionName: trap }, options: { token } },
  );
  const [request] = await to.untilInbox(1);
  expect(JSON.parse(request?.body ?? "")).toEqual({
    run: {
      id: created.id,
      actionName: trap,
      triggeredBy: trap,
      createdAt: created.createdAt,
      callbackUrl: `${ORIGIN}${project}/envs/production/action-runs/${created.id}/callback`,
      callbackToken: created.callback.token,
      expiresAt: created.callback.expiresAt,
      timeoutSeconds: 3600,
      traceparent: null,
    },
    ...inputs,
    entity: { id: null },
  });
});

describe("the size of a context that is sent as a value", () => {
  const context = (comment: string) => contextWith({ comment });
  const bare = trigger.parse({ type: "webhook", url: "https://ci.example.com/" });
  const room = RENDERED_MAX_BYTES - JSON.stringify(context("")).length;

  it("is at most 512 KiB of UTF-8", () => {
    const fits = renderTrigger(bare, context("\u00e4".repeat(room >> 1)));
    expect(fits.ok && new TextEncoder().encode(fits.value.body).byteLength).toBe(RENDERED_MAX_BYTES - (room & 1));
    const message = expect.stringContaining(`more than ${RENDERED_MAX_BYTES} bytes`);
    const over = renderTrigger(bare, context("\u00e4".repeat((room >> 1) + 1)));
    expect(over).toEqual({ ok: false, error: { path: ["trigger", "payload"], message } });
  });
});

const SENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/** A later version may have more. */
const ODD = `01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-"{{run.id}}"&x=1`;
const traced = (traceparent: string) => ({ options: { headers: { traceparent } } });

it.each([SENT, ODD])("the webhook and the stop request carry %s word for word", async (traceparent) => {
  const [starts, stops] = await Promise.all([answering({ status: 202, body: '{"id":7}' }), answering()]);
  const cancel = { url: `${stops.url}/{{ response.id }}`, headers: { "X-Job": "{{ response.id }}" } };
  const run = await fire(starts.url, { startOn: "heartbeat", cancel }, traced(traceparent));
  const [start] = await starts.untilInbox(1);
  expect(start?.headers.traceparent).toBe(traceparent);
  expect(JSON.parse(start?.body ?? "").run.traceparent).toBe(traceparent);
  await run.untilAnswered(1);
  await run.cancel();
  const [stop] = await stops.untilInbox(1);
  expect(stop?.headers).toMatchObject({ traceparent, "x-job": "7" });
});

it("templates can place it, and a header that the trigger sets itself wins, in any case", async () => {
  const [starts, stops] = await Promise.all([answering({ status: 202 }), answering()]);
  const trigger = {
    startOn: "heartbeat",
    headers: { TraceParent: "mine", "X-Trace": "{{ run.traceparent }}" },
    payload: { alone: "{{ run.traceparent }}", in: "<{{ run.traceparent }}>" },
    cancel: { url: `${stops.url}/?t={{ run.traceparent }}`, headers: { TRACEPARENT: "the stop's" } },
  };
  const run = await fire(starts.url, trigger, traced(ODD));
  const [start] = await starts.untilInbox(1);
  expect(start?.headers).toMatchObject({ traceparent: "mine", "x-trace": ODD });
  expect(start?.rawHeaders.filter((one) => one.toLowerCase() === "traceparent")).toHaveLength(1);
  expect(JSON.parse(start?.body ?? "")).toEqual({ alone: ODD, in: `<${ODD}>` });
  await run.untilAnswered(1);
  await run.cancel();
  const [stop] = await stops.untilInbox(1);
  expect(stop?.headers.traceparent).toBe("the stop's");
  expect(new URL(stop?.path ?? "", "http://x").searchParams.get("t")).toBe(ODD);
});

it("without one, no header is sent, and the placeholder has no value", async () => {
  const to = receiver();
  const payload = { alone: "{{ run.traceparent }}", in: "<{{ run.traceparent }}>", json: "{{ json run.traceparent }}" };
  await fire(to.url, { payload }, traced("malformed"));
  const [request] = await to.untilInbox(1);
  expect(request?.headers.traceparent).toBeUndefined();
  expect(JSON.parse(request?.body ?? "")).toEqual({ alone: null, in: "<>", json: "null" });
});
