/**
 * A member's token, which holds no secret, starts a real receiver through a stored action. The action's secrets reach
 * the receiver and nobody else: they are looked for as raw bytes in D1, in the coordinator, in every answer and in the
 * log.
 */

import { Webhook } from "standardwebhooks";
import { expect, it } from "vitest";
import { type ActionOnWire, newActionsPath } from "../../actions/actions.ts";
import { journal, until } from "../../support/direct.ts";
import { type ActionRun, ask } from "../../support/requests.ts";
import { textOfD1, textOfJournal, watchLog } from "../../support/secrets.ts";
import { grantToken } from "../../support/tokens.ts";
import { useSettings } from "../../support/use-settings.ts";
import { answering, ORIGIN } from "../runs.ts";
import { rowsOf } from "../stop/stoppable-runs.ts";

await useSettings("development");

const SIGNING_SECRET = `whsec_${new TextEncoder().encode("a-signing-key-of-the-caller-32-b").toBase64()}`;
const HEADER_SECRET = "glpat-key-4711-of-the-header";
const NAMED_SECRET = "trigger-token-0815-by-name";
const STOP_SECRET = "stop-key-2342-of-the-cancel";
const SECRETS = [HEADER_SECRET, NAMED_SECRET, STOP_SECRET, SIGNING_SECRET.slice(6)];

const logged = watchLog();

it("starts its receiver with all secrets, and shows none", async () => {
  const to = await answering({ status: 202 });
  const actions = newActionsPath();
  const project = actions.split("/").slice(0, 3).join("/");
  const runs = actions.replace(/actions$/, "action-runs");
  const path = `${ORIGIN}${actions}/deploy`;
  const trigger = {
    type: "webhook",
    url: `${to.url}/{{ parameters.version }}`,
    headers: {
      "PRIVATE-TOKEN": HEADER_SECRET,
      "X-Version": "v{{ parameters.version }}",
      "X-Named": "{{ secrets.token }}",
    },
    payload: { run: "{{ run.id }}", token: "{{ run.callbackToken }}", named: "{{ secrets.token }}" },
    secrets: { token: NAMED_SECRET },
    cancel: { url: `${to.url}/stop`, headers: { "X-Stop": STOP_SECRET } },
    signingSecret: SIGNING_SECRET,
  };
  const stored = await ask<ActionOnWire>("PUT", path, { body: { trigger, timeout: 5 } });
  expect(stored.status).toBe(201);
  // A second version, of which nobody sent the secrets again.
  const again = await ask<ActionOnWire>("PUT", path, { body: { ...stored.body, timeout: 6 } });
  expect(again.status).toBe(200);

  const { token } = await grantToken(project, { role: "member" });
  const parameters = { version: "1.4.2" };
  const ran = await ask<ActionRun>("POST", `${path}/runs`, { token, body: { parameters } });
  expect([ran.status, ran.body.actionName, "callback" in ran.body]).toEqual([201, "deploy", false]);

  const [request] = await to.untilInbox(1);
  if (request === undefined) throw new Error("nothing arrived");
  expect(request.path).toMatch(/\/1\.4\.2$/);
  expect(request.headers).toMatchObject({
    "private-token": HEADER_SECRET,
    "x-version": "v1.4.2",
    "x-named": NAMED_SECRET,
  });
  const payload = new Webhook(SIGNING_SECRET).verify(request.body, { ...request.headers }) as {
    run: string;
    token: string;
    named: string;
  };
  expect([payload.run, payload.named]).toEqual([ran.body.id, NAMED_SECRET]);

  // Only the receiver can report.
  const callback = `${ORIGIN}${runs}/${ran.body.id}/callback`;
  const report = { body: { status: "succeeded" } };
  expect((await ask("POST", callback, { ...report, token })).status).toBe(401);
  expect((await ask("POST", callback, { ...report, token: payload.token })).body.status).toBe("succeeded");
  // The stop request is not kept any longer than the run is open.
  expect(await rowsOf({ path: runs, created: ran.body })).toEqual({ stopRequests: 0, responses: 0 });

  await until(async () => (await textOfD1()).includes(ran.body.id));
  const shown = await Promise.all(
    [path, `${ORIGIN}${actions}`, `${ORIGIN}${runs}/${ran.body.id}`, `${ORIGIN}${runs}/${ran.body.id}/events`].map(
      (one) => ask<unknown>("GET", one, { token }),
    ),
  );
  const places: Readonly<Record<string, string>> = {
    answers: JSON.stringify([stored.body, again.body, ran.body, ...shown.map(({ body }) => body)]),
    "the log": logged.join("\n"),
    D1: await textOfD1(),
    "the journal": await textOfJournal(runs),
  };
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(100);
    for (const secret of [...SECRETS, payload.token.slice(-64)]) {
      for (const form of [secret, btoa(secret).replaceAll("=", ""), encodeURIComponent(secret)]) {
        expect(text.includes(form), `a secret in ${place}`).toBe(false);
      }
    }
  }
});

it("asks its receiver to stop the job that the receiver named, with the secrets of the stop request", async () => {
  const to = await answering({
    status: 202,
    headers: { "Content-Type": "application/json" },
    body: '{"id":9035,"web_url":"https://ci.example.com/jobs/9035"}',
  });
  const actions = newActionsPath();
  const runs = actions.replace(/actions$/, "action-runs");
  const trigger = {
    type: "webhook",
    url: to.url,
    startOn: "heartbeat",
    headers: { "PRIVATE-TOKEN": HEADER_SECRET },
    secrets: { token: NAMED_SECRET },
    link: "{{ response.web_url }}",
    cancel: {
      url: `${to.url}/jobs/{{ response.id }}/stop`,
      headers: { "X-Stop": STOP_SECRET },
      payload: { token: "{{ secrets.token }}" },
    },
  };
  expect((await ask("PUT", `${ORIGIN}${actions}/deploy`, { body: { trigger } })).status).toBe(201);
  const { id } = (await ask("POST", `${ORIGIN}${actions}/deploy/runs`, { body: {} })).body;
  const url = `${ORIGIN}${runs}/${id}`;
  const linked = async () =>
    (await ask<{ details: { externalUrl: string | null } }>("GET", `${url}?include=details`)).body.details;
  await until(async () => (await linked()).externalUrl === "https://ci.example.com/jobs/9035");
  expect((await ask("POST", `${url}/cancel`, { body: { reason: "wrong branch" } })).status).toBe(200);
  const [, stop] = await to.untilInbox(2);
  expect(stop?.path).toMatch(/\/jobs\/9035\/stop$/);
  expect(stop?.headers).toMatchObject({ "x-stop": STOP_SECRET, "webhook-id": `${id}-cancel` });
  expect(stop?.headers["private-token"]).toBeUndefined();
  expect(JSON.parse(stop?.body ?? "null")).toEqual({ token: NAMED_SECRET });
});

it("keeps the callback token for itself in every replay, wherever its dispatch is", async () => {
  const to = await answering({ status: 202 });
  const actions = newActionsPath();
  const runs = actions.replace(/actions$/, "action-runs");
  const trigger = { type: "webhook", url: to.url, startOn: "heartbeat" };
  await ask("PUT", `${ORIGIN}${actions}/deploy`, { body: { trigger } });
  const keyed = { body: {}, headers: { "Idempotency-Key": "again" } };
  const go = () => ask<ActionRun & { callback?: unknown }>("POST", `${ORIGIN}${actions}/deploy/runs`, keyed);
  const { id } = (await go()).body;
  await until(async () => (await journal(runs, "SELECT 1 FROM dispatches")).length === 0);
  const dispatched = await go();
  // As if the dispatch still waited for room.
  await journal(runs, "DELETE FROM events");
  await journal(
    runs,
    `INSERT INTO dispatches (run_id, host, sealed, start_on, initial_delay_ms, ends_at, attempt, is_unsure,
       unsure_attempts)
     VALUES (?, 'ci.example.com', x'00', 'heartbeat', 1000, 9, 0, 0, 0)`,
    id,
  );
  for (const replay of [dispatched, await go()]) {
    expect([replay.body.id, replay.headers.get("Idempotent-Replayed")]).toEqual([id, "true"]);
    expect("callback" in replay.body).toBe(false);
  }
});
