/** Lists over several pages, also with faulty ones. */

import { describe, expect, it } from "vitest";
import { nextCursor } from "../../src/client/api.ts";
import type { Client, List } from "../../src/client/index.ts";
import { all, json, RUN, refusal, reset, stub, thrown } from "./stub.ts";

const link = (cursor: string) => ({
  Link: `<https://another.example/acme/shop/envs/prod/action-runs?status=failed&cursor=${cursor}>; rel="next"`,
});
const ENV = "/acme/shop/envs/prod";
const FILTER = { label: ["a&b", "c"], waiting: "any" as const, group: "x" };
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
    expect([(await runs.list().page()).isStale, (await runs.list().page()).isStale]).toEqual([true, false]);
  });

  it.each<[string, (client: Client) => List<unknown>]>([
    [`${ENV}/action-runs?limit=1`, ({ runs }) => runs.list({ limit: 1 })],
    [`${ENV}/action-runs?label=a%26b&label=c&waiting=any&group=x`, ({ runs }) => runs.list(FILTER)],
    [`${ENV}/action-runs/x/events`, ({ runs }) => runs.events("x")],
    [`${ENV}/actions?limit=1`, ({ actions }) => actions.list({ limit: 1 })],
    [`${ENV}/actions/x/versions?limit=1`, ({ actions }) => actions.versions("x", { limit: 1 })],
    [`${ENV}/schedules?limit=1`, ({ schedules }) => schedules.list({ limit: 1 })],
    [`${ENV}/schedules/x/versions`, ({ schedules }) => schedules.versions("x")],
    [`${ENV}/webhook-endpoints`, ({ webhookEndpoints }) => webhookEndpoints.list()],
    [`${ENV}/webhook-endpoints/x/versions`, ({ webhookEndpoints }) => webhookEndpoints.versions("x")],
    [
      `${ENV}/webhook-endpoints/x/deliveries?state=failed&limit=1`,
      ({ webhookEndpoints }) => webhookEndpoints.deliveries("x", { state: "failed", limit: 1 }),
    ],
    [`${ENV}/bulk-operations?limit=1`, ({ bulkOperations }) => bulkOperations.list({ limit: 1 })],
    [
      `${ENV}/bulk-operations/x/items?outcome=skipped`,
      ({ bulkOperations }) => bulkOperations.items("x", { outcome: "skipped" }),
    ],
    [`${ENV}/concurrency-groups?group=x`, ({ concurrencyGroups }) => concurrencyGroups.list({ group: "x" })],
    ["/acme/shop/tokens?createdBy=ada%40example.com", ({ tokens }) => tokens.list({ createdBy: "ada@example.com" })],
    ["/acme/shop/sessions?limit=1", ({ sessions }) => sessions.list({ limit: 1 })],
    ["/acme/shop/audit?actor=root&limit=1", ({ audit }) => audit.list({ actor: "root", limit: 1 })],
    ["/places", ({ places }) => places()],
    ["/databases", ({ operator }) => operator.databases()],
    ["/databases/1/environments", ({ operator }) => operator.environments(1)],
  ])("%s gives its entries, and each page with the cursor of the next", async (url, list) => {
    const pages = [json(200, [run(1)], link("a%2B")), json(200, [run(2)])];
    const { client, asked } = await stub(...pages, ...pages);
    const listed = list(client());
    expect(await all(listed)).toEqual([run(1), run(2)]);
    expect(await listed.page()).toEqual({ entries: [run(1)], next: "a+", isStale: false, searchedTo: null });
    expect(await listed.page("a+")).toEqual({ entries: [run(2)], next: null, isStale: false, searchedTo: null });
    const second = `${url}${url.includes("?") ? "&" : "?"}cursor=a%2B`;
    expect(asked.map((one) => one.url)).toEqual([url, second, url, second]);
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
