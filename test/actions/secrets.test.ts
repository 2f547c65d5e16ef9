/** Secrets of stored actions are write-only: looked for as raw bytes in D1, in every answer and in the log. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { actionDefinition } from "../../src/actions/definition.ts";
import { actionSecrets } from "../../src/actions/kind.ts";
import { splitSecrets } from "../../src/definitions/kind.ts";
import { openSecrets } from "../../src/definitions/sealing.ts";
import { keyRing } from "../../src/settings/key-ring.ts";

import { askWith, envWith } from "../support/bindings.ts";
import { clockFromOne } from "../support/clock.ts";
import { ask } from "../support/requests.ts";
import { textOfD1, watchLog } from "../support/secrets.ts";
import {
  get,
  newActionsPath,
  ORIGIN_A,
  ORIGIN_B,
  put,
  rowOfAction,
  run,
  SIGNING_SECRET,
  scopeOf,
  triggerAt,
} from "./actions.ts";

const SECRETS = [
  "the-header-secret-7731",
  "the-api-key-secret-5521",
  "the-named-secret-8842",
  "the-cancel-secret-9917",
  SIGNING_SECRET.slice(6),
];
const CANCEL = { url: `${ORIGIN_A}/stop`, headers: { Authorization: "Bearer the-cancel-secret-9917" } };
const WHOLE = triggerAt(`${ORIGIN_A}/hook`, { cancel: CANCEL });

const logged = watchLog();
clockFromOne();

function expectNone(text: string): void {
  for (const secret of SECRETS) {
    for (const form of [secret, btoa(secret).slice(0, -4), secret.toUpperCase()]) expect(text).not.toContain(form);
  }
}

it("are in no answer, log line or row, whatever is done with the action", async () => {
  const actions = newActionsPath();
  const path = `${actions}/deploy`;
  const told: unknown[] = [];
  const tell = (answer: { readonly body: unknown; readonly headers: Headers }) =>
    told.push(answer.body, [...answer.headers]);
  tell(await put(path, { trigger: WHOLE }));
  tell(await get(path));
  tell(await ask("GET", actions));
  const ran = await run(path, { parameters: { a: 1 } });
  expect(ran.status).toBe(201);
  tell(ran);
  const runPath = `${actions.replace(/actions$/, "action-runs")}/${ran.body.id}`;
  tell(await ask("GET", runPath));
  tell(await ask("GET", `${runPath}/events`));
  tell(await ask("GET", actions.replace(/actions$/, "action-runs")));
  // Refusals of bodies that contain the secrets.
  for (const trigger of [
    { ...WHOLE, unknown: 1 },
    { ...WHOLE, url: "https://localhost/hook" },
    { ...WHOLE, cancel: { ...CANCEL, url: "https://10.0.0.1/stop" } },
    { ...WHOLE, payload: "{{ nothing }}" },
    { ...WHOLE, headers: { ...WHOLE.headers, "X-Bad": `${SECRETS[0]}\n` } },
    { ...WHOLE, signingSecret: `${SIGNING_SECRET}!` },
    { ...WHOLE, payload: "x".repeat(65_536) },
  ]) {
    const refused = await put(path, { trigger });
    expect(refused.status).toBe(400);
    tell(refused);
  }
  const project = path.split("/").slice(0, 3).join("/");
  tell(await ask("GET", `${project}/audit`));
  expectNone(JSON.stringify(told));
  expectNone(logged.join("\n"));
  expectNone(await textOfD1());
  tell(await ask("DELETE", path));
  expectNone(await textOfD1());
  expect(logged.some((line) => line.includes("action_put"))).toBe(true);
});

it("are shown as null in their places, and everything else as it is", async () => {
  const path = `${newActionsPath()}/deploy`;
  const { body } = await put(path, { trigger: { ...WHOLE, payload: { deep: [null, "x"] } } });
  expect(body.trigger).toEqual({
    type: "webhook",
    url: `${ORIGIN_A}/hook`,
    method: "POST",
    headers: { Authorization: null, "X-Api-Key": null },
    payload: { deep: [null, "x"] },
    signingSecret: null,
    startOn: "accepted",
    secrets: { token: null },
    cancel: { url: `${ORIGIN_A}/stop`, method: "POST", headers: { Authorization: null } },
  });
  expect((await get(path)).body).toEqual(body);
});

it("a header that says what the request is holds no secret, and its value is shown", async () => {
  const path = `${newActionsPath()}/deploy`;
  const shown = { accept: "application/json", "Content-Type": "application/json" };
  const headers = { ...shown, "X-Accept": "the-header-secret-7731" };
  const cancel = { url: `${ORIGIN_A}/stop`, headers: { Accept: "text/plain" } };
  const { body } = await put(path, { trigger: { type: "webhook", url: ORIGIN_A, headers, cancel } });
  expect(body.trigger).toMatchObject({
    headers: { ...shown, "X-Accept": null },
    cancel: { headers: { Accept: "text/plain" } },
  });
  expect(Object.keys((await get(path)).body.trigger?.headers ?? {})).toEqual(Object.keys(headers));
  // It goes along when the request goes elsewhere, and null keeps nothing.
  const moved = { type: "webhook", url: ORIGIN_B, headers: shown };
  expect((await put(path, { trigger: moved })).status).toBe(200);
  const refused = await put(path, { trigger: { ...moved, headers: { accept: null } } });
  expect([refused.status, refused.body.code, refused.body.pointer]).toEqual([
    422,
    "secret_required",
    "/trigger/headers/accept",
  ]);
});

describe("null", () => {
  /** What the action's secrets are, opened with the test's own key. */
  async function opened(path: string): Promise<Record<string, string>> {
    const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
    const row = await rowOfAction(path);
    if (!ring.ok || row === null || row.secrets === null) throw new Error("nothing is sealed");
    const owner = { scope: scopeOf(path), kind: "action", name: path.split("/").at(-1) ?? "", version: row.version };
    const secrets = await openSecrets(ring.value, Uint8Array.fromHex(row.secrets), owner);
    return Object.fromEntries(secrets ?? []);
  }

  it("keeps a value in its place, through many versions, and other values change beside it", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, { trigger: WHOLE });
    const { body } = await get(path);
    for (let n = 1; n < 4; n++) expect((await put(path, { ...body, timeout: n })).status).toBe(200);
    const trigger = {
      ...body.trigger,
      url: `${ORIGIN_A}:443/another/path?x=1`,
      headers: { Authorization: null, "X-New": "the-new-one-1234" },
    };
    expect((await put(path, { trigger })).status).toBe(200);
    expect(await opened(path)).toEqual({
      "trigger.headers.Authorization": "Bearer the-header-secret-7731",
      "trigger.headers.X-New": "the-new-one-1234",
      "trigger.signingSecret": SIGNING_SECRET,
      "trigger.secrets.token": "the-named-secret-8842",
      "trigger.cancel.headers.Authorization": "Bearer the-cancel-secret-9917",
    });
  });

  const kept = (more: Record<string, unknown>) => ({ type: "webhook", url: `${ORIGIN_A}/hook`, ...more });
  const stop = (url: string, headers: Record<string, string | null> = {}) => ({ cancel: { url, headers } });

  it.each<[string, Record<string, unknown>, string]>([
    ["a new header", kept({ headers: { "X-Other": null } }), "trigger.headers.X-Other"],
    ["another spelling of a header", kept({ headers: { authorization: null } }), "trigger.headers.authorization"],
    ["a new secret", kept({ secrets: { other: null } }), "trigger.secrets.other"],
    ["a name of every object", kept({ secrets: { constructor: null } }), "trigger.secrets.constructor"],
    [
      "a header's value in the cancel request",
      kept(stop(`${ORIGIN_A}/stop`, { "X-Api-Key": null })),
      "trigger.cancel.headers.X-Api-Key",
    ],
    [
      "another host",
      kept({ url: `${ORIGIN_B}/hook`, headers: { Authorization: null } }),
      "trigger.headers.Authorization",
    ],
  ])("is refused for %s", async (_name, trigger, place) => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, { trigger: WHOLE });
    const { status, body } = await put(path, { trigger });
    expect([status, body.code]).toEqual([422, "secret_required"]);
    expect(body.error).toContain(`${place}: `);
    expect((await rowOfAction(path))?.version).toBe(1);
  });

  it("keeps a secret if a cancel request is added at the same host, but not at another one", async () => {
    const path = `${newActionsPath()}/deploy`;
    const { cancel: _cancel, ...plain } = WHOLE as ReturnType<typeof triggerAt> & { cancel: unknown };
    await put(path, { trigger: plain });
    const keep = { type: "webhook", url: `${ORIGIN_A}/hook`, secrets: { token: null } };
    const refused = await put(path, { trigger: { ...keep, ...stop(`${ORIGIN_B}/`) } });
    expect([refused.status, refused.body.error]).toEqual([
      422,
      "trigger.secrets.token: the stored value is kept only while trigger.url and trigger.cancel.url have one scheme, host and port, and these do not change. Send the value again.",
    ]);
    expect((await put(path, { trigger: { ...keep, ...stop(`${ORIGIN_A}/`) } })).status).toBe(200);
    expect((await put(path, { trigger: keep })).status).toBe(200);
    expect(await opened(path)).toEqual({ "trigger.secrets.token": "the-named-secret-8842" });
  });

  /** [trigger and cancel before, trigger and cancel after, whether null keeps every value]. */
  type Move = [readonly [string, string?], readonly [string, string?], boolean];
  const A = "https://a.example";
  const B = "https://b.example";
  it.each<Move>([
    [[A], [A], true],
    [[A], [`${A}:443/x?y`], true],
    [[A, A], ["https://A.example:443/x?y", `${A}/{{ response.id }}`], true],
    // A cancel request is added or removed.
    [[A], [A, A], true],
    [[A, A], [A], true],
    [[A], [A, B], false],
    // One request moves, or both.
    [[A], [B], false],
    [[A, A], [A, B], false],
    [[A, A], [B, A], false],
    [[A, A], [B, B], false],
    [[A, A], [B], false],
    [[A, A], ["http://a.example", A], false],
    [[A, A], ["https://a.example:8443", A], false],
    [[A, A], [A, "https://a.example:8443"], false],
    [[A, A], [A, "http://a.example:443"], false],
    [[A, A], ["https://a.example.", "https://x.a.example"], false],
    // The two requests went to different hosts before: all values are sent each time.
    [[A, B], [A, B], false],
    [[A, B], [A], false],
    [[A, B], [B], false],
    [[A, B], [A, A], false],
    [[A, B], [B, B], false],
    [[A, B], [B, A], false],
  ])("from %j to %j: %j", (before, after, isKept) => {
    const places = {
      start: (value: string | null) => ({ headers: { H: value } }),
      stop: (value: string | null) => ({ stopHeaders: { H: value } }),
      signing: (value: string | null) => ({ signingSecret: value === null ? null : SIGNING_SECRET }),
      named: (value: string | null) => ({ secrets: { token: value } }),
    };
    const actionAt = (
      [url, stopUrl]: readonly [string, string?],
      more: { headers?: object; stopHeaders?: object; secrets?: object; signingSecret?: string | null },
    ) =>
      actionDefinition.parse({
        trigger: {
          type: "webhook",
          url,
          secrets: more.secrets,
          headers: more.headers,
          ...(more.signingSecret !== undefined && { signingSecret: more.signingSecret }),
          ...(stopUrl !== undefined && { cancel: { url: stopUrl, headers: more.stopHeaders } }),
        },
      });
    for (const [name, sent] of Object.entries(places)) {
      if (name === "stop" && (before[1] === undefined || after[1] === undefined)) continue;
      const stored = splitSecrets(actionSecrets, actionAt(before, sent("a-value")), null);
      if (!stored.ok) throw new Error("not stored");
      const split = splitSecrets(actionSecrets, actionAt(after, sent(null)), stored.value);
      expect([name, split.ok]).toEqual([name, isKept]);
      if (!split.ok) expect(split.error.reason).toBe("moved");
      // Whatever moves, values that are sent are stored.
      expect(splitSecrets(actionSecrets, actionAt(after, sent("another-value")), stored.value).ok).toBe(true);
    }
  });

  it("is refused when there is no action, or a deleted one had the value", async () => {
    const path = `${newActionsPath()}/deploy`;
    const trigger = kept({ headers: { Authorization: null } });
    expect((await put(path, { trigger })).status).toBe(422);
    await put(path, { trigger: WHOLE });
    await ask("DELETE", path);
    expect((await put(path, { trigger })).body.code).toBe("secret_required");
  });

  it("is refused once no key opens the stored value", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, { trigger: WHOLE });
    const other = envWith({ CALLBACK_SIGNING_KEYS: "another-signing-key-of-32-bytes-and-more" });
    const { body } = await get(path);
    const refused = await askWith<{ code: string; error: string }>(other, "PUT", path, { body });
    expect([refused.status, refused.body.code]).toEqual([422, "secret_required"]);
    expect(refused.body.error).toMatch(/key that was removed/);
    // With its values sent again, the action works again.
    expect((await askWith(other, "PUT", path, { body: { trigger: WHOLE } })).status).toBe(200);
  });

  it("can't make a trigger hold more than 20 secrets, version by version", async () => {
    const path = `${newActionsPath()}/deploy`;
    const secrets = (keep: number, more: number) =>
      Object.fromEntries(Array.from({ length: keep + more }, (_, n) => [`s${n}`, n < keep ? null : "s".repeat(4096)]));
    await put(path, { trigger: kept({ secrets: secrets(0, 12) }) });
    expect((await put(path, { trigger: kept({ secrets: secrets(12, 8) }) })).status).toBe(200);
    const refused = await put(path, { trigger: kept({ secrets: secrets(20, 1) }) });
    expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
    expect(refused.body.error).toContain("send at most 20");
  });
});

it("a sealed secret opens neither for another name, scope, kind nor version", async () => {
  const [here, there] = [newActionsPath(), newActionsPath()];
  const others = [`${here}/b`, `${there}/a`];
  for (const path of [`${here}/a`, ...others]) await put(path, { trigger: WHOLE });
  for (const path of others) {
    await env.DB.prepare(
      `UPDATE definitions SET secrets = (SELECT secrets FROM definitions WHERE scope = ?1 AND name = 'a')
       WHERE scope = ?2 AND name = ?3`,
    )
      .bind(scopeOf(here), scopeOf(path), path.split("/").at(-1))
      .run();
    expect((await run(path)).body.code).toBe("action_secrets_lost");
  }
  const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
  const sealed = Uint8Array.fromHex((await rowOfAction(`${here}/a`))?.secrets ?? "");
  const openAs = (kind: string) =>
    ring.ok ? openSecrets(ring.value, sealed, { scope: scopeOf(here), kind, name: "a", version: 1 }) : undefined;
  expect([await openAs("action"), await openAs("webhook_endpoint")]).toEqual([expect.any(Map), null]);
  await env.DB.prepare("UPDATE definitions SET version = version + 1 WHERE scope = ?").bind(scopeOf(here)).run();
  expect((await run(`${here}/a`)).body.code).toBe("action_secrets_lost");
});
