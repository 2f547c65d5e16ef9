/** The header `traceparent` of a create, a run of an action and a retry: what is kept, what is ignored, who counts. */

import { describe, expect, it } from "vitest";
import { ask, type CreatedRun, givenRun, newRunsPath, report, rowOf } from "../../support/requests.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const SENT = `00-${TRACE}-${SPAN}-01`;
const OTHER = `00-${TRACE}-b7ad6b7169203331-00`;

type Told = CreatedRun & { readonly details: { readonly traceparent: string | null } };

const traced = (traceparent: string, key = crypto.randomUUID()) => ({
  headers: { traceparent, "Idempotency-Key": key },
});

/** What three requests that create a run keep of the header. */
async function kept(traceparent: string): Promise<(string | null)[]> {
  const path = newRunsPath();
  const action = `${path.replace(/action-runs$/, "actions")}/deploy`;
  await ask("PUT", action, { body: {} });
  const created = await ask<Told>("POST", `${path}?include=details`, {
    body: { actionName: "deploy" },
    ...traced(traceparent),
  });
  await report(created.body, { status: "succeeded" });
  const others = await Promise.all(
    [`${action}/runs`, `${path}/${created.body.id}/retry`].map((url) =>
      ask<Told>("POST", `${url}?include=details`, traced(traceparent)),
    ),
  );
  const all = [created, ...others];
  expect(all.map(({ status }) => status)).toEqual([201, 201, 201]);
  return all.map(({ body }) => body.details.traceparent);
}

describe("a traceparent that counts is kept word for word by a create, a run of an action and a retry", () => {
  it.each([
    ["of version 00", SENT],
    ["with other flags", `00-${TRACE}-${SPAN}-ff`],
    ["of a later version", `cc-${TRACE}-${SPAN}-01`],
    ["of a later version with more", `01-${TRACE}-${SPAN}-01-{{ run.id }}`.replaceAll(" ", "")],
    ["of a later version with nothing behind the dash", `fe-${TRACE}-${SPAN}-00-`],
    ["of 255 characters", `01-${TRACE}-${SPAN}-01-${"x".repeat(199)}`],
  ])("keeps one %s", async (_what, traceparent) => {
    expect(await kept(traceparent)).toEqual([traceparent, traceparent, traceparent]);
  });
});

describe("a malformed traceparent is ignored, because tracing must not fail a request", () => {
  it.each([
    ["that is empty", ""],
    ["of version ff", `ff-${TRACE}-${SPAN}-01`],
    ["in upper case", SENT.toUpperCase()],
    ["with a trace id of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["with a parent id of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["that is too short", SENT.slice(0, -1)],
    ["of version 00 and too long", `${SENT}-00`],
    ["of version 00 with a dash at the end", `${SENT}-`],
    ["of a later version, without a dash behind the flags", `01-${TRACE}-${SPAN}-011`],
    ["without dashes", SENT.replaceAll("-", "_")],
    ["that is not hexadecimal", SENT.replace("4bf9", "xyzw")],
    ["that is there twice", `01-${TRACE}-${SPAN}-01-a, 01-${TRACE}-${SPAN}-01-a`],
    ["of 256 characters", `01-${TRACE}-${SPAN}-01-${"x".repeat(200)}`],
    ["that is not ASCII", `01-${TRACE}-${SPAN}-01-\u00e9`],
  ])("ignores one %s", async (_what, traceparent) => {
    expect(await kept(traceparent)).toEqual([null, null, null]);
  });
});

it("is no part of what a key is bound to, so the first one counts", async () => {
  const path = newRunsPath();
  const body = { actionName: "deploy" };
  const create = (options: object) => ask<Told>("POST", `${path}?include=details`, { body, ...options });
  const first = await create(traced(SENT, "k"));
  for (const options of [traced(OTHER, "k"), traced("x", "k"), { headers: { "Idempotency-Key": "k" } }]) {
    const again = await create(options);
    expect([again.status, again.headers.get("Idempotent-Replayed")]).toEqual([201, "true"]);
    expect([again.body.id, again.body.details.traceparent]).toEqual([first.body.id, SENT]);
  }
  const without = await create({ headers: { "Idempotency-Key": "none" } });
  const later = await create(traced(OTHER, "none"));
  expect([later.body.id, later.body.details.traceparent]).toEqual([without.body.id, null]);
});

it("is in the details of a get and of a list, in no other member, and a retry does not inherit it", async () => {
  const { path, run, runPath } = await givenRun({ actionName: "deploy" }, traced(SENT));
  expect(JSON.stringify(run)).not.toContain(TRACE);
  const [get, list] = await Promise.all([
    ask<Told>("GET", `${runPath}?include=details`),
    ask<Told[]>("GET", `${path}?include=details`),
  ]);
  expect([get.body, ...list.body].map(({ details }) => details.traceparent)).toEqual([SENT, SENT]);
  expect((await rowOf(run.id))?.body).not.toContain(TRACE);
  await report(run, { status: "failed", error: "no" });
  const again = await ask<Told>("POST", `${runPath}/retry?include=details`);
  expect(again.body.details.traceparent).toBeNull();
});
