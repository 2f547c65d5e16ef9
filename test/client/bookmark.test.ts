/**
 * A client sees its own changes: it keeps the parts of its environment's bookmark, and sends them with every request.
 */

import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { bookmarksInMemory, keepingBookmarks, noteRuns } from "../../src/client/bookmark.ts";
import { type BookmarkPart, callback } from "../../src/client/index.ts";
import { type Answer, type Asked, all, json, RUN, refusal, reset, type Stub, stub, thrown } from "./stub.ts";

/** The id of run `n`. A later run has a greater id, and the random bits differ. */
const id = (n: number) => {
  const hex = n.toString(16).padStart(4, "0");
  return `01a212de-${hex}-8${hex.slice(1)}-a8a9-dd2c148ea617`;
};
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
      json(201, RUN, bookmark(id(1), ofD1(1))),
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
    for (const one of server.asked.slice(2)) expect(parts(one)).toEqual([ofD1(1), id(1)]);
  });

  it("loses the run that a list has settled, and keeps D1's part of that list", async () => {
    const { client, asked } = await stub(
      json(201, RUN, bookmark(id(0))),
      json(200, [], bookmark(ofD1(1), id(0))),
      json(200, [], bookmark(ofD1(2))),
      json(200, []),
    );
    const { runs } = client();
    await runs.create({ actionName: "deploy" });
    for (let n = 0; n < 3; n++) await all(runs.list());
    expect(sent(asked).slice(2)).toEqual([`${ofD1(1)}.${id(0)}`, ofD1(2)]);
  });

  it("has one part of D1, the greatest, and the newest run", async () => {
    const { client, asked } = await stub(
      json(201, RUN, bookmark(ofD1(2), id(7))),
      // As if another caller's answers were mixed in.
      json(200, RUN, bookmark(ofD1(2), `${id(7)}, ${ofD1(1)}`, id(5))),
      json(200, []),
    );
    const { runs } = client();
    await runs.create({ actionName: "deploy" });
    await runs.get(RUN.id);
    await all(runs.list());
    expect(asked.slice(2).map(parts)).toEqual([[ofD1(2), id(7)]]);
  });

  it.each([
    ["a later run", id(2)],
    ["an earlier run", id(0)],
    ["the same run, so that the text stays the same", id(1)],
  ])("keeps what a change reports while a list runs: %s", async (_, changed) => {
    const list = held(json(200, [], bookmark(ofD1(1))));
    const server = await stub(
      json(201, RUN, bookmark(id(1))),
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

  it("stays below 100 characters, however many calls run at once and whatever they answer", async () => {
    let n = 0;
    const server = await stub((response, one) => {
      n++;
      const many = Array.from({ length: 20 }, (_, i) => id(10 * n + i));
      return json(200, RUN, bookmark(ofD1(n % 10), ...many))(response, one);
    });
    const { runs } = server.client();
    await Promise.all(Array.from({ length: 100 }, () => runs.get(RUN.id)));
    await all(runs.events(RUN.id)).catch(() => {});
    const lengths = sent(server.asked).map((value) => String(value ?? "").length);
    expect(Math.max(...lengths)).toBeLessThan(100);
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
      { text: ofD1(1), at: 1 },
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
    expect(sent(asked)).toEqual([ofD1(1), id(0)]);
  });
});

it("a list's answer drops nothing that the feed told of while it was under way, also if the clock steps back", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: 10_000_000 });
  try {
    const store = bookmarksInMemory();
    const headers = [id(2), ofD1(1)];
    let meanwhile = () => {};
    const fetching = keepingBookmarks(async () => {
      meanwhile();
      return new Response("", { headers: { "x-d1-bookmark": headers.shift() ?? "" } });
    }, store);
    await fetching("http://localhost/change");
    meanwhile = () => {
      vi.setSystemTime(9_999_000);
      noteRuns(store, [{ id: id(1) }]);
    };
    await fetching("http://localhost/list");
    expect(store.read().map(({ text }) => text)).toContain(id(2));
  } finally {
    vi.useRealTimers();
  }
});
