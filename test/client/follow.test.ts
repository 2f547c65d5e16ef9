/** Follows all runs: lists and then follows, resumes, and stops. */

import { describe, expect, it } from "vitest";
import type { RunChanges } from "../../src/client/index.ts";
import { type Answer, json, page, RUN, refusal, reset, type Stub, stream, stub, thrown } from "./stub.ts";

const ID_OF_0 = "019c0e5a-1800-8000-8000-000000000000";
const ID_OF_1 = "019c0e5a-1800-8001-8000-000000000000";
const D1 = `0:00000001-00000002-00000003-${"0".repeat(32)}`;

const run = (id: string, status = "pending") => ({ ...RUN, id, status });
const changes = (cursor: string, ...runs: readonly object[]) => ({
  ...{ runs, cursor, caughtUp: true },
});
const frame = (one: { readonly cursor: string }) => `id: ${one.cursor}\ndata: ${JSON.stringify(one)}\n\n`;
const CURSOR = json(200, changes("9.1"), { "x-d1-bookmark": ID_OF_1 });
const queryOf = (api: Stub, n: number) =>
  Object.fromEntries(new URL(`http://x${api.asked[n]?.url}`).searchParams);

/** What a follower gets until it has seen the cursor. */
async function until(following: AsyncIterable<RunChanges>, cursor: string): Promise<RunChanges[]> {
  const found: RunChanges[] = [];
  for await (const one of following) {
    found.push(one);
    if (one.cursor === cursor) break;
  }
  return found;
}

describe("follow", () => {
  it("takes a cursor, lists all pages with its bookmark, and then follows from the cursor", async () => {
    const link = { Link: '</x?cursor=next>; rel="next"', "x-d1-bookmark": D1 };
    const api = await stub(
      CURSOR,
      json(200, [run("a")], link),
      json(200, [run("b")], { "x-d1-bookmark": D1 }),
      stream(["retry: 1\n\n", frame(changes("9.1")), frame(changes("9.2", run("a", "running")))], "hang"),
    );
    const options = {
      actionName: "deploy",
      label: ["x"],
      list: { status: ["pending"] },
      include: "details",
    } as const;
    const got = await until(
      api.client().runs.follow({ ...options, label: ["x"], list: { status: ["pending"] } }),
      "9.2",
    );
    expect(got).toEqual([
      { runs: [run("a")], cursor: null, caughtUp: false },
      { runs: [run("b")], cursor: "9.1", caughtUp: false },
      changes("9.1"),
      changes("9.2", run("a", "running")),
    ]);
    const filters = { actionName: "deploy", label: "x", include: "details" };
    expect(api.asked.map((_, n) => queryOf(api, n))).toEqual([
      {},
      { ...filters, status: "pending", limit: "200" },
      { ...filters, status: "pending", limit: "200", cursor: "next" },
      { ...filters, after: "9.1" },
    ]);
    expect(api.asked[1]?.headers["x-d1-bookmark"]).toBe(ID_OF_1);
    expect(api.asked[3]?.headers.accept).toBe("text/event-stream");
  });

  it("lets a list show what it gave", async () => {
    const api = await stub(
      stream([frame(changes("9.2", run(ID_OF_0), run(ID_OF_1)))], "hang"),
      json(200, [], { "x-d1-bookmark": D1 }),
    );
    const client = api.client();
    await until(client.runs.follow({ after: "0" }), "9.2");
    for (let n = 0; n < 2; n++) await client.runs.page();
    const [, first, second] = api.asked.map(({ headers }) => headers["x-d1-bookmark"]);
    expect([first, second]).toEqual([ID_OF_1, D1]);
  });

  it("lists again while the database lacks what the cursor stands for", async () => {
    const behind = json(200, [run("old")], { "x-d1-bookmark": `${D1}.${ID_OF_1}` });
    const api = await stub(
      CURSOR,
      behind,
      behind,
      json(200, [run("a")], { "x-d1-bookmark": D1 }),
      stream([frame(changes("9.2", run("b")))], "hang"),
    );
    const got = await until(api.client().runs.follow(), "9.2");
    expect(got.map(({ runs }) => runs.map(({ id }) => id))).toEqual([["a"], ["b"]]);
  });

  it("goes on from the last cursor after each break, gives nothing twice, and says what broke", async () => {
    const broken: string[] = [];
    const api = await stub(
      stream([frame(changes("9.1", run("a"))), "id: 9.2\ndata: {"], "cut"),
      reset,
      refusal(503, "coordinator_unavailable"),
      page(502),
      stream([frame(changes("9.1")), frame(changes("9.2", run("b")))], "end"),
      ...Array.from({ length: 8 }, (): Answer => reset),
      stream([frame(changes("9.2")), frame(changes("9.3", run("c")))], "hang"),
    );
    const onBreak = ({ code }: { readonly code: string }) => broken.push(code);
    const got = await until(api.client({ retries: 0 }).runs.follow({ after: "0", onBreak }), "9.3");
    expect(got.map(({ runs }) => runs.map(({ id }) => id))).toEqual([["a"], [], ["b"], [], ["c"]]);
    expect(api.asked.map((_, n) => queryOf(api, n).after)).toEqual([
      "0",
      ...Array.from({ length: 4 }, () => "9.1"),
      ...Array.from({ length: 9 }, () => "9.2"),
    ]);
    expect(broken).toEqual([
      "unreachable",
      "coordinator_unavailable",
      "unexpected_answer",
      ...Array.from({ length: 8 }, () => "unreachable"),
    ]);
  });

  it("throws what waiting can't help with: a refusal, a cursor that is gone, and an address that never answered", async () => {
    const gone = await stub(stream(frame(changes("9.1", run("a")))), refusal(410, "cursor_gone"));
    const following = gone.client().runs.follow({ after: "0" })[Symbol.asyncIterator]();
    expect((await following.next()).value).toEqual(changes("9.1", run("a")));
    expect(await thrown(following.next())).toMatchObject({ code: "cursor_gone", status: 410 });
    const revoked = await stub(CURSOR, refusal(401, "token_invalid"));
    expect(await thrown(until(revoked.client().runs.follow(), ""))).toMatchObject({ code: "token_invalid" });
    const never = await stub(reset);
    expect(await thrown(until(never.client({ retries: 1 }).runs.follow({ after: "now" }), ""))).toMatchObject(
      {
        code: "unreachable",
      },
    );
    expect(never.asked).toHaveLength(2);
    const odd = await stub(stream('data: {"runs":[]}\n\n'));
    expect(await thrown(until(odd.client().runs.follow({ after: "0" }), ""))).toMatchObject({
      code: "unexpected_answer",
    });
  });

  it("begins now without a list, and stops with the signal's reason, also while it waits for the server", async () => {
    const stop = new AbortController();
    const api = await stub(CURSOR, stream(["retry: 1\n\n", frame(changes("9.1"))]), reset);
    const onBreak = () => void setTimeout(() => stop.abort(new Error("enough")));
    const got: RunChanges[] = [];
    const following = async () => {
      for await (const one of api.client({ retries: 0, retryDelayMs: 60_000 }).runs.follow({
        after: "now",
        signal: stop.signal,
        onBreak,
      })) {
        got.push(one);
        if (got.length === 1) expect(one).toEqual(changes("9.1"));
      }
    };
    expect(await thrown(following())).toMatchObject({ message: "enough" });
    expect(got.length).toBeGreaterThan(0);
  });
});
