/** What a receiver gets of the `traceparent` that came with a create. */

import { expect, it } from "vitest";
import { receiver } from "../support/receiver/client.ts";
import { answering, fire } from "./runs.ts";

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
