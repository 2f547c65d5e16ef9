/**
 * A client sees its own changes: it keeps the parts of its environment's bookmark, and sends them with every request.
 */

import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type BookmarkPart, callback } from "../../src/client/index.ts";
import { type Answer, type Asked, all, json, RUN, refusal, reset, type Stub, stub, thrown } from "./stub.ts";

/** The id of run `n` of a coordinator. A later run has a greater id. */
const id = (coordinator: number, n = 0) =>
  `01a212de-${n.toString(16).padStart(4, "0")}-800${coordinator}-a8a9-dd2c148ea617`;
const ofD1 = (n: number) => `0:0000000${n}-00000000-00004f9e-${"a".repeat(32)}`;
const bookmark = (...parts: readonly string[]) => ({ "x-d1-bookmark": parts.join(".") });
const parts = ({ headers }: Asked) => String(headers["x-d1-bookmark"] ?? "").split(".");
const sent = (asked: readonly Asked[]) => asked.map(({ headers }) => headers["x-d1-bookmark"]);

/** An answer that waits until the test sends it. */
function held(answer: Answer): { readonly answer: Answer; readonly release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    release: resolve,
    async answer(response, asked) {
      await promise;
      await answer(response, asked);
    },
  };
}

async function arrived({ asked }: Stub, count: number): Promise<void> {
  while (asked.length < count) await delay(1);
}

describe("a client's bookmark", () => {
  it("goes with every request of the environment, changes included", async () => {
    const server = await stub(
      json(201, RUN, bookmark(id(0))),
      json(201, RUN, bookmark(id(0), id(1))),
      json(200, [{ ...RUN, seq: 1 }]),
      json(200, RUN),
      json(200, RUN),
      json(200, []),
    );
    const { runs } = server.client();
    await runs.create({ actionName: "deploy" });
    await runs.create({ actionName: "deploy" });
    await all(runs.events(RUN.id));
    await runs.get(RUN.id);
    await runs.cancel(RUN.id);
    await all(runs.list());
    expect(server.asked.slice(0, 2).map(parts)).toEqual([[""], [id(0)]]);
    for (const one of server.asked.slice(2)) expect(parts(one).sort()).toEqual([id(0), id(1)]);
  });

  it("loses the coordinators that a list has settled, and keeps D1's part of that list", async () => {
    const { client, asked } = await stub(
      json(201, RUN, bookmark(id(0), id(1))),
      json(200, [], bookmark(ofD1(1), id(1))),
      json(200, []),
    );
    const { runs } = client();
    await runs.create({ actionName: "deploy" });
    await all(runs.list());
    await all(runs.list());
    expect(sent(asked)[2]).toBe(`${ofD1(1)}.${id(1)}`);
  });

  it("has one part of D1, the greatest, and the newest id of each coordinator", async () => {
    const { client, asked } = await stub(
      json(201, RUN, bookmark(ofD1(2), id(0, 7), id(3, 1))),
      // As if another caller's answers were mixed in.
      json(200, RUN, bookmark(ofD1(2), id(0, 7), `${id(3, 1)}, ${ofD1(1)}`, id(0, 5), id(3, 9))),
      json(200, []),
    );
    const { runs } = client();
    await runs.create({ actionName: "deploy" });
    await runs.get(RUN.id);
    await all(runs.list());
    expect(asked.slice(2).map(parts)).toEqual([[ofD1(2), id(3, 9), id(0, 7)]]);
  });

  it("keeps every coordinator when creates run at the same time", async () => {
    const answers = [0, 1, 2, 3].map((coordinator) => held(json(201, RUN, bookmark(id(coordinator)))));
    const server = await stub(...answers.map(({ answer }) => answer), json(200, []));
    const { runs } = server.client();
    const creates = answers.map(() => runs.create({ actionName: "deploy" }));
    await arrived(server, answers.length);
    for (const { release } of answers.reverse()) release();
    await Promise.all(creates);
    await all(runs.list());
    expect(parts(server.asked[4] as Asked).sort()).toEqual([id(0), id(1), id(2), id(3)]);
  });

  it.each([
    ["a later run", id(0, 2)],
    // Both runs belong to coordinator 0, and a bookmark names it by one id.
    ["an earlier run", id(0, 0)],
    ["the same run, so that the text stays the same", id(0, 1)],
  ])("keeps what a change reports while a list runs: %s", async (_, changed) => {
    const list = held(json(200, [], bookmark(ofD1(1))));
    const server = await stub(
      json(201, RUN, bookmark(id(0, 1))),
      list.answer,
      json(200, RUN, bookmark(changed)),
      json(200, []),
    );
    const { runs } = server.client();
    await runs.create({ actionName: "deploy" });
    const listing = all(runs.list());
    await arrived(server, 2);
    await runs.cancel(RUN.id);
    list.release();
    await listing;
    await all(runs.list());
    expect(sent(server.asked)[3]).toBe(`${ofD1(1)}.${changed}`);
  });

  it("learns from a refusal that carries one", async () => {
    const { client, asked } = await stub(refusal(409, "run_running", bookmark(id(2))), json(200, []));
    const { runs } = client();
    await thrown(runs.cancel(RUN.id));
    await all(runs.list());
    expect(sent(asked)[1]).toBe(id(2));
  });

  it("stays when a response has none: a refusal, a lost response, and a proxy's page", async () => {
    const { client, asked } = await stub(
      json(201, RUN, bookmark(id(0))),
      refusal(404, "run_not_found"),
      reset,
      refusal(503, "coordinator_unavailable"),
      json(200, RUN),
      json(200, []),
    );
    const { runs } = client();
    await runs.create({ actionName: "deploy" });
    await thrown(runs.get(RUN.id));
    await runs.get(RUN.id);
    await all(runs.list());
    expect(sent(asked).slice(1)).toEqual([id(0), id(0), id(0), id(0), id(0)]);
  });

  it.each(["coordinator", "", "v2:opaque", `${ofD1(1)}.v2`, `${"x".repeat(5000)}`, id(0).toUpperCase()])(
    "survives a response whose bookmark it can't read: %j",
    async (strange) => {
      const { client, asked } = await stub(
        json(201, RUN, bookmark(id(0))),
        json(200, [], bookmark(strange)),
        json(200, []),
      );
      const { runs } = client();
      await runs.create({ actionName: "deploy" });
      expect(await all(runs.list())).toEqual([]);
      await all(runs.list());
      expect(parts(asked[2] as Asked)).toContain(id(0));
      expect(sent(asked)[2]).not.toContain("v2");
    },
  );

  it("stays below 250 characters, however many calls run at once and whatever they answer", async () => {
    let n = 0;
    const server = await stub((response, one) => {
      n++;
      const many = Array.from({ length: 20 }, (_, i) => id(i % 10, n));
      return json(200, RUN, bookmark(ofD1(n % 10), ...many))(response, one);
    });
    const { runs } = server.client();
    await Promise.all(Array.from({ length: 100 }, () => runs.get(RUN.id)));
    await all(runs.events(RUN.id)).catch(() => {});
    const lengths = sent(server.asked).map((value) => String(value ?? "").length);
    expect(Math.max(...lengths)).toBeGreaterThan(200);
    expect(Math.max(...lengths)).toBeLessThan(250);
  });

  it("belongs to one environment, and is in no request of the project, of a callback or of the raw API", async () => {
    const { client, asked, url } = await stub(
      json(201, RUN, bookmark(id(0))),
      json(200, [], bookmark(id(1))),
    );
    const { runs, tokens, audit, api } = client();
    await runs.create({ actionName: "deploy" });
    await all(tokens.list());
    await all(audit.list());
    const path = { o: "acme", p: "shop", envName: "prod" };
    await api.GET("/{o}/{p}/envs/{envName}/action-runs", { params: { path } });
    await callback(`${url}/acme/shop/envs/prod/action-runs/1/callback`, "t").succeed();
    await all(client({ env: "staging" }).runs.list());
    expect(sent(asked)).toEqual(asked.map(() => undefined));
    await all(runs.list());
    expect(sent(asked).at(-1)).toBe(id(0));
  });

  it("is kept in the given store, which other clients can share", async () => {
    const { client, asked } = await stub(json(201, RUN, bookmark(id(0))), json(200, []));
    let kept: readonly BookmarkPart[] = [
      { text: id(1), at: 1 },
      { text: "not\na part", at: 1 },
    ];
    const bookmarks = {
      read: () => kept,
      update(change: (held: readonly BookmarkPart[]) => readonly BookmarkPart[]) {
        kept = change(kept);
      },
    };
    await client({ bookmarks }).runs.create({ actionName: "deploy" });
    await all(client({ bookmarks }).runs.list());
    expect(sent(asked)).toEqual([id(1), id(0)]);
  });
});
