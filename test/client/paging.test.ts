/** Lists over several pages, also with faulty ones. */

import { describe, expect, it } from "vitest";
import { nextCursor } from "../../src/client/api.ts";
import { all, json, RUN, refusal, reset, stub, thrown } from "./stub.ts";

const link = (cursor: string) => ({
  Link: `<https://another.example/acme/shop/envs/prod/action-runs?status=failed&cursor=${cursor}>; rel="next"`,
});
const run = (n: number) => ({ ...RUN, id: `${n}` });
const ids = async (runs: AsyncIterable<{ id: string }>) => (await all(runs)).map(({ id }) => id);

describe("a list", () => {
  it("follows short and empty pages to the last one, always at the client's own address", async () => {
    const { client, asked } = await stub(
      json(200, [run(1), run(2)], link("a")),
      json(200, [], link("b")),
      json(200, [], link("c%3D%3D")),
      json(200, [run(3)]),
    );
    const filter = { status: ["failed", "cancelled"], actionName: "a&b", limit: 2 } as const;
    expect(await ids(client().runs.list({ ...filter, status: [...filter.status] }))).toEqual(["1", "2", "3"]);
    const query = "/acme/shop/envs/prod/action-runs?status=failed&status=cancelled&actionName=a%26b&limit=2";
    expect(asked.map(({ url }) => url)).toEqual([
      query,
      `${query}&cursor=a`,
      `${query}&cursor=b`,
      `${query}&cursor=c%3D%3D`,
    ]);
  });

  it("gives one page and the cursor of the next one", async () => {
    const { client, asked } = await stub(json(200, [run(1)], link("a%2B")), json(200, [run(2)]));
    const { runs } = client();
    expect(await runs.page({ limit: 1 })).toMatchObject({ runs: [{ id: "1" }], next: "a+" });
    expect(await runs.page({ limit: 1, cursor: "a+" })).toMatchObject({ runs: [{ id: "2" }], next: null });
    expect(asked[1]?.url).toBe("/acme/shop/envs/prod/action-runs?limit=1&cursor=a%2B");
  });

  it("says of each page whether it can lack the newest changes", async () => {
    const stale = { "Action-Runs-Stale": "true" };
    const { client } = await stub(
      json(200, [run(1)], { ...link("a"), ...stale }),
      json(200, [run(2)], link("b")),
      json(200, [run(3)], stale),
      json(200, [], stale),
      json(200, []),
    );
    const { runs } = client();
    let said = 0;
    expect(await all(runs.list({}, { onStale: () => said++ }))).toHaveLength(3);
    expect(said).toBe(2);
    expect([(await runs.page()).isStale, (await runs.page()).isStale]).toEqual([true, false]);
  });

  it.each([
    ["actions", "/acme/shop/envs/prod/actions"],
    ["tokens", "/acme/shop/tokens"],
    ["audit", "/acme/shop/audit"],
  ] as const)("of %s gives one page and the cursor of the next one", async (what, path) => {
    const { client, asked } = await stub(json(200, [run(1)], link("a%2B")), json(200, [run(2)]));
    const list = client()[what];
    const member = what === "audit" ? "entries" : what;
    expect(await list.page({ limit: 1 })).toEqual({ [member]: [run(1)], next: "a+" });
    expect(await list.page({ limit: 1, cursor: "a+" })).toEqual({ [member]: [run(2)], next: null });
    expect(asked.map(({ url }) => url)).toEqual([`${path}?limit=1`, `${path}?limit=1&cursor=a%2B`]);
  });

  it("requests a page only when it is needed", async () => {
    const { client, asked } = await stub(json(200, [run(1), run(2)], link("a")), json(200, [run(3)]));
    const runs = client().runs.list();
    expect(asked).toHaveLength(0);
    for await (const { id } of runs) {
      expect(asked).toHaveLength(1);
      if (id === "2") break;
    }
    expect(asked).toHaveLength(1);
  });

  it("retries a page that failed, and gives each run once", async () => {
    const { client } = await stub(json(200, [run(1)], link("a")), reset, reset, json(200, [run(2)]));
    expect(await ids(client().runs.list())).toEqual(["1", "2"]);
  });

  it("throws at a page that is refused, after the runs before it", async () => {
    const { client } = await stub(json(200, [run(1)], link("a")), refusal(400, "invalid_query"));
    const found: string[] = [];
    const reading = async () => {
      for await (const { id } of client().runs.list()) found.push(id);
    };
    expect(await thrown(reading())).toMatchObject({ code: "invalid_query" });
    expect(found).toEqual(["1"]);
  });

  it.each([
    ["a page whose next page is itself", json(200, [run(1)], link("a")), 2],
    ["a body that is not a list", json(200, { runs: [] }), 1],
  ])("throws for %s", async (_, answer, tries) => {
    const { client, asked } = await stub(answer);
    expect(await thrown(all(client().runs.list()))).toMatchObject({ code: "unexpected_answer", status: 200 });
    expect(asked).toHaveLength(tries);
  });

  it("of tokens or events works the same way", async () => {
    const tokens = await stub(json(200, [run(1)], link("a")), json(200, [run(2)]));
    expect(await ids(tokens.client().tokens.list())).toEqual(["1", "2"]);
    expect(tokens.asked.map(({ url }) => url)).toEqual(["/acme/shop/tokens", "/acme/shop/tokens?cursor=a"]);
    const events = await stub(json(200, [{ seq: 1 }], link("a")), json(200, [{ seq: 2 }]));
    expect(await all(events.client().runs.events("x"))).toEqual([{ seq: 1 }, { seq: 2 }]);
    expect(events.asked[1]?.url).toBe("/acme/shop/envs/prod/action-runs/x/events?cursor=a");
  });
});

describe("the cursor of a Link header", () => {
  it.each([
    [null, undefined],
    ["", undefined],
    ['<https://x/y?cursor=a>; rel="next"', "a"],
    ["<https://x/y?cursor=a>; rel=next", "a"],
    ['</y?limit=2&cursor=a%2Bb#z>;title="t";REL="prev next"', "a+b"],
    ['<https://x/?cursor=p>; rel="prev", <https://x/?cursor=n>; rel="next"', "n"],
    ['<https://x/?cursor=n>; rel="next", <https://x/?cursor=l>; rel="last"', "n"],
    ['<https://x/?cursor=p>; rel="prev"', undefined],
    ['<https://x/?cursor=p>; rel="nextish"', undefined],
    ["<https://x/?cursor=p>; rel=nextish", undefined],
    ['<https://x/y>; rel="next"', undefined],
    ["https://x/?cursor=a; rel=next", undefined],
  ])("%s is %s", (header, expected) => {
    expect(nextCursor(header)).toBe(expected);
  });
});
