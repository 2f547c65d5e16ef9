import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { hopsOf, watchHops } from "../support/api/hops.ts";
import { askWith } from "../support/bindings.ts";
import { clockFromOne } from "../support/clock.ts";
import { hurryTimers, until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { ask, nextOf, pagesOf } from "../support/requests.ts";
import { get, insertActions, type Listed, newActionsPath, put, rowOfAction, scopeOf } from "./actions.ts";

clockFromOne();

const etag = (answer: { readonly headers: Headers }) => answer.headers.get("ETag");
const names = (count: number) => Array.from({ length: count }, (_, n) => `a-${String(n).padStart(4, "0")}`);
const conditions = (headers: Readonly<Record<string, string>>) => ({ headers });

describe("a PUT", () => {
  it("creates with 201 and a Location, then replaces with 200 and the next version", async () => {
    const path = `${newActionsPath()}/deploy`;
    const created = await put(path, { description: "first" });
    expect([created.status, etag(created)]).toEqual([201, '"1"']);
    expect(created.headers.get("Location")).toBe(`https://runs.example${path}`);
    const replaced = await put(path, { description: "second" });
    expect([replaced.status, etag(replaced), replaced.headers.get("Location")]).toEqual([200, '"2"', null]);
    const got = await get(path);
    expect([got.status, etag(got), got.body]).toEqual([200, '"2"', { description: "second" }]);
  });

  it("accepts what a GET returns", async () => {
    const path = `${newActionsPath()}/deploy`;
    const definition = {
      description: "Deploys.",
      trigger: { type: "webhook", url: "https://ci.example.com/{{ parameters.version }}", payload: { a: null } },
      parametersSchema: { type: "object", properties: { version: { type: "string" } } },
      timeout: 5,
      heartbeatTimeout: 2,
      labels: ["web", "a", "web"],
    };
    expect((await put(path, definition)).status).toBe(201);
    const { body } = await get(path);
    expect(body).toMatchObject({ ...definition, labels: ["a", "web"] });
    const again = await put(path, body);
    expect([again.status, again.body]).toEqual([200, body]);
  });

  it.each([
    ['"1"', 200],
    ['W/"1"', 200],
    ['"9", W/"1"', 200],
    ["*", 200],
    ['"2"', 412],
    ['W/"2"', 412],
    ["1", 412],
    ['"01"', 412],
    ['*, "2"', 412],
  ])("with If-Match: %s to version 1 gets %i", async (match, status) => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    const answer = await put(path, { timeout: 1 }, conditions({ "If-Match": match }));
    expect(answer.status).toBe(status);
    if (status === 412) expect(answer.body.code).toBe("precondition_failed");
    expect((await rowOfAction(path))?.version).toBe(status === 200 ? 2 : 1);
  });

  it("with If-Match gets 412 if there is no such action", async () => {
    const path = `${newActionsPath()}/deploy`;
    for (const match of ["*", '"1"', '"00"']) {
      expect((await put(path, {}, conditions({ "If-Match": match }))).status).toBe(412);
    }
    expect(await rowOfAction(path)).toBeNull();
  });

  it('with If-Match: "0" only creates, as a client that counts versions expects', async () => {
    const path = `${newActionsPath()}/deploy`;
    const none = conditions({ "If-Match": '"0"' });
    expect((await put(path, {}, conditions({ "If-None-Match": '"0"' }))).status).toBe(201);
    expect((await put(path, { timeout: 1 }, none)).status).toBe(412);
    expect((await ask("DELETE", path, none)).status).toBe(412);
    expect((await ask("DELETE", path)).status).toBe(204);
    expect((await put(path, {}, none)).status).toBe(201);
    expect((await rowOfAction(path))?.version).toBe(2);
  });

  it("with an empty If-Match gets 412, because a script may have lost the ETag", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    // Straight to the app, because the local runtime drops this header if it is empty.
    const sent = { body: { timeout: 1 }, ...conditions({ "If-Match": "" }) };
    expect((await askWith(env, "PUT", path, sent)).status).toBe(412);
    expect((await rowOfAction(path))?.version).toBe(1);
  });

  it("with If-None-Match: * only creates", async () => {
    const path = `${newActionsPath()}/deploy`;
    const only = conditions({ "If-None-Match": "*" });
    expect((await put(path, {}, only)).status).toBe(201);
    expect((await put(path, {}, only)).status).toBe(412);
    expect((await put(path, {}, conditions({ "If-None-Match": '"1"' }))).status).toBe(412);
    expect((await put(path, {}, conditions({ "If-None-Match": '"7"' }))).status).toBe(200);
  });

  it("that races with others under one ETag wins once, and the others get 412", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => put(path, { description: `racer ${n}` }, conditions({ "If-Match": '"1"' }))),
    );
    const winners = answers.filter(({ status }) => status === 200);
    expect(winners).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(7);
    expect((await get(path)).body).toEqual(winners[0]?.body);
    expect(await audited(path)).toEqual(["action_put", "action_put"]);
  });

  it("that races to create wins once, and the others get 412", async () => {
    const path = `${newActionsPath()}/deploy`;
    const only = conditions({ "If-None-Match": "*" });
    const answers = await Promise.all(Array.from({ length: 4 }, () => put(path, {}, only)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 412, 412, 412]);
    expect(await audited(path)).toEqual(["action_put"]);
  });

  it("with dryRun=true shows what it would store, and stores nothing, whether there is an action or not", async () => {
    const path = `${newActionsPath()}/deploy`;
    const url = "https://ci.example.com/a";
    const [definition, shown] = [
      { labels: ["b", "a", "b"], trigger: { type: "webhook", url, headers: { Authorization: "x" } } },
      { labels: ["a", "b"], trigger: { url, method: "POST", startOn: "accepted", headers: { Authorization: null } } },
    ];
    const none = await put(`${path}?dryRun=true`, definition);
    expect([none.status, etag(none), none.body]).toEqual([200, '"0"', expect.objectContaining({ labels: ["a", "b"] })]);
    expect(none.body).toMatchObject(shown);
    expect(await rowOfAction(path)).toBeNull();
    await put(path, definition);
    const tried = await put(`${path}?dryRun=true`, { ...definition, timeout: 5 });
    expect([tried.status, etag(tried), tried.body.timeout]).toEqual([200, '"1"', 5]);
    expect((await get(path)).body).not.toHaveProperty("timeout");
    expect((await put(`${path}?dryRun=false`, { timeout: 7 })).status).toBe(200);
    expect((await get(path)).body).toEqual({ timeout: 7 });
  });

  it.each([
    ["dryRun=true", { timeout: 0 }, {}, "invalid_body"],
    ["dryRun=true", { trigger: { type: "webhook", url: "https://127.0.0.1/" } }, {}, "invalid_body"],
    ["dryRun=true", { concurrency: { group: "a" } }, {}, "gate_needs_trigger"],
    ["dryRun=true", {}, { "If-Match": '"7"' }, "precondition_failed"],
    [
      "dryRun=true",
      { trigger: { type: "webhook", url: "https://ci.example.com", secrets: { a: null } } },
      {},
      "secret_required",
    ],
    ["dryRun=yes", {}, {}, "invalid_query"],
  ])("with %s refuses %j as a PUT does", async (query, definition, headers, code) => {
    const path = `${newActionsPath()}/deploy`;
    expect((await put(`${path}?${query}`, definition, conditions(headers))).body.code).toBe(code);
  });

  it("without conditions that meets another starts again on top of it, and each gets a version of its own", async () => {
    const path = `${newActionsPath()}/deploy`;
    const answers = await Promise.all(Array.from({ length: 3 }, (_, n) => put(path, { timeout: n + 1 })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    expect(answers.map(etag).sort()).toEqual(['"1"', '"2"', '"3"']);
  });

  describe("that comes after another change which it has not read", () => {
    /** A PUT has read the action and is about to write when `change` happens. */
    async function putBehind(path: string, headers: Record<string, string>, change: () => Promise<unknown>) {
      const calls = faults.calls + 2;
      const { open } = holdWrites(/INSERT INTO definitions/);
      const late = put(path, { description: "late" }, conditions(headers));
      await until(async () => faults.calls >= calls);
      faults.gate = null;
      await change();
      open();
      return late;
    }

    it("does not bring a deleted action back", async () => {
      const path = `${newActionsPath()}/deploy`;
      await put(path, {});
      const late = await putBehind(path, { "If-Match": '"1"' }, () => ask("DELETE", path));
      expect(late.status).toBe(412);
      expect(await rowOfAction(path)).toBeNull();
    });

    it("does not repeat the version of an action that came and went", async () => {
      const path = `${newActionsPath()}/deploy`;
      const late = await putBehind(path, {}, async () => {
        await put(path, {});
        await ask("DELETE", path);
      });
      expect([late.status, etag(late)]).toEqual([201, '"2"']);
    });

    it("replaces the action that took the last place", async () => {
      const actions = newActionsPath();
      await insertActions(actions, names(999));
      const late = await putBehind(`${actions}/deploy`, {}, () => put(`${actions}/deploy`, {}));
      expect([late.status, etag(late)]).toEqual([200, '"2"']);
    });
  });

  it("whose answer from D1 was lost is tried again, and counts once", async () => {
    hurryTimers();
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    faults.writes = "committed_then_silence";
    const answer = await put(path, { timeout: 9 });
    expect([answer.status, etag(answer)]).toEqual([200, '"2"']);
    expect(await audited(path)).toEqual(["action_put", "action_put"]);
    faults.writes = "committed_then_silence";
    expect((await ask("DELETE", path)).status).toBe(204);
    expect(await audited(path)).toEqual(["action_deleted", "action_put", "action_put"]);
  });
});

/** What the audit says of an action. Entries of one instant are in no order. */
async function audited(path: string): Promise<string[]> {
  const project = path.split("/").slice(0, 3).join("/");
  const { body } = await ask<{ action: string; target: string; scope: string }[]>("GET", `${project}/audit`);
  const entries = body.filter(({ target }) => target === path.split("/").at(-1));
  for (const { scope } of entries) expect(scope).toBe(scopeOf(path));
  return entries.map(({ action }) => action).sort();
}

describe("a DELETE", () => {
  it("answers 204, then 404, and honours If-Match", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    expect((await ask("DELETE", path, conditions({ "If-Match": '"2"' }))).status).toBe(412);
    expect((await get(path)).status).toBe(200);
    expect((await ask("DELETE", path, conditions({ "If-Match": 'W/"1"' }))).status).toBe(204);
    expect((await ask("DELETE", path)).body).toMatchObject({ code: "action_not_found" });
    expect((await get(path)).body.code).toBe("action_not_found");
    expect(await audited(path)).toEqual(["action_deleted", "action_put"]);
  });

  it("lets no version of a name ever repeat", async () => {
    const actions = newActionsPath();
    const path = `${actions}/deploy`;
    const seen: (string | null)[] = [];
    await insertActions(actions, ["other-0", "other-1", "other-2"]);
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n <= round; n++) seen.push(etag(await put(path, { timeout: n + 1 })));
      await ask("DELETE", path);
      // This one is deleted at version 1, which must not lower the next one.
      expect((await ask("DELETE", `${actions}/other-${round}`)).status).toBe(204);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect((await put(path, {}, conditions({ "If-Match": seen.at(-1) ?? "" }))).status).toBe(412);
  });

  it("of racing deletes happens once", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, {});
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask("DELETE", path)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404]);
    expect(await audited(path)).toEqual(["action_deleted", "action_put"]);
  });
});

describe("an environment", () => {
  it("has at most 1000 actions, however many arrive at once", async () => {
    const actions = newActionsPath();
    await insertActions(actions, names(998));
    const answers = await Promise.all(Array.from({ length: 5 }, (_, n) => put(`${actions}/new-${n}`, {})));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe("too_many_actions");
    // An action that exists can be replaced.
    expect((await put(`${actions}/a-0000`, {})).status).toBe(200);
    await ask("DELETE", `${actions}/a-0001`);
    expect((await put(`${actions}/one-more`, {})).status).toBe(201);
  });

  it("lists its actions by name, in pages", async () => {
    const actions = newActionsPath();
    await insertActions(actions, names(7));
    await put(`${actions}/Upper`, { description: "sorts first" });
    await insertActions(newActionsPath(), ["elsewhere"]);
    const pages = await pagesOf<Listed>(`${actions}?limit=3`);
    expect(pages.map((page) => page.length)).toEqual([3, 3, 2]);
    const seen = pages.flat();
    expect(seen.map(({ name }) => name)).toEqual(["Upper", ...names(7)]);
    expect(seen[0]).toMatchObject({ version: 1, definition: { description: "sorts first" } });
  });

  it("cuts a page at 4 MiB, and the next page goes on there", async () => {
    const actions = newActionsPath();
    await insertActions(actions, names(60), 100_000);
    const first = await ask<Listed[]>("GET", `${actions}?limit=200`);
    expect(first.body).toHaveLength(41);
    const second = await ask<Listed[]>("GET", nextOf(first.headers) ?? "");
    expect([second.body.length, second.headers.get("Link")]).toEqual([19, null]);
  });
});

it("a PUT and a DELETE read D1 once and write it once; a GET and a list read it once", async () => {
  watchHops();
  const actions = newActionsPath();
  const path = `${actions}/deploy`;
  const hops = async (go: () => Promise<unknown>) =>
    (await hopsOf(go)).lines.map(({ d1, coordinator }) => [d1, coordinator]);
  expect(await hops(() => put(path, {}))).toEqual([[2, 0]]);
  expect(await hops(() => get(path))).toEqual([[1, 0]]);
  expect(await hops(() => ask("GET", actions))).toEqual([[1, 0]]);
  expect(await hops(() => ask("DELETE", path))).toEqual([[2, 0]]);
  // A malformed definition costs nothing.
  expect(await hops(() => put(path, { timeout: 0 }))).toEqual([[0, 0]]);
});
