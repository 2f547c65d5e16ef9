/** The receiver gets the callback URL that the operator set, whatever Host the caller sent. */

import { expect, it } from "vitest";
import { newActionsPath } from "../actions/actions.ts";
import { askWith, envWith } from "../support/bindings.ts";
import { until } from "../support/direct.ts";
import type { CreatedRun } from "../support/requests.ts";
import { answering, ORIGIN } from "./runs.ts";

it("of a stored action, of its retry and of a trigger in a create", async () => {
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
  await until(async () => (await to.inbox()).length === 3);
  const inbox = await to.inbox();
  const told = inbox.map(({ body }) => (JSON.parse(body) as { run: { callbackUrl: string } }).run.callbackUrl);
  const wanted = [ran, retried, created].map(({ body }) => `${ORIGIN}${runs}/${body.id}/callback`);
  expect(told.sort()).toEqual(wanted.sort());
});
