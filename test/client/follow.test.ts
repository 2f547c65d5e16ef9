/** Follows all runs: lists and then follows, resumes, and stops. */

import { describe, expect, it } from "vitest";
import type { RunChanges } from "../../src/client/index.ts";
import { type Answer, json, page, RUN, refusal, reset, type Stub, stream, stub, thrown } from "./stub.ts";

const NEXT = { Link: '</x?cursor=next>; rel="next"' };
const STALE = { "Action-Runs-Stale": "true" };
const run = (id: string, status = "pending") => ({ ...RUN, id, status });
const changes = (cursor: string, ...runs: readonly object[]) => ({ runs, cursor, caughtUp: true });
const frame = (one: { readonly cursor: string }) => `id: ${one.cursor}\ndata: ${JSON.stringify(one)}\n\n`;
const CURSOR = json(200, changes("9.1"));
const queryOf = (api: Stub, n: number) => Object.fromEntries(new URL(`http://x${api.asked[n]?.url}`).searchParams);

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
  it("takes a cursor, lists all pages, and then follows from the cursor", async () => {
    const api = await stub(
      CURSOR,
      json(200, [run("a")], NEXT),
      json(200, [run("b")]),
      stream(["retry: 1\n\n", frame(changes("9.1")), frame(changes("9.2", run("a", "running")))], "hang"),
    );
    const gates = { waiting: "any", group: "deploys", include: "details" } as const;
    const options = { actionName: "deploy", label: ["x"], ...gates, list: { status: ["pending" as const] } };
    const got = await until(api.client().runs.follow(options), "9.2");
    expect(got).toEqual([
      { runs: [run("a")], cursor: null, caughtUp: false },
      { runs: [run("b")], cursor: "9.1", caughtUp: false },
      changes("9.1"),
      changes("9.2", run("a", "running")),
    ]);
    const filters = { actionName: "deploy", label: "x", ...gates };
    expect(api.asked.map((_, n) => queryOf(api, n))).toEqual([
      {},
      { ...filters, status: "pending", limit: "200" },
      { ...filters, status: "pending", limit: "200", cursor: "next" },
      { ...filters, after: "9.1" },
    ]);
    expect(api.asked[3]?.headers.accept).toBe("text/event-stream");
  });

  it("asks for a stale page again, and gives only the current one", async () => {
    const api = await stub(
      CURSOR,
      json(200, [run("old")], STALE),
      json(200, [run("a")], NEXT),
      json(200, [run("old")], STALE),
      json(200, [run("b")]),
      stream([frame(changes("9.2", run("c")))], "hang"),
    );
    let stale = 0;
    const got = await until(api.client({ retries: 1 }).runs.follow({ onStale: () => stale++ }), "9.2");
    expect(got.map(({ runs }) => runs.map(({ id }) => id))).toEqual([["a"], ["b"], ["c"]]);
    expect(stale).toBe(0);
  });

  it("says that the list stays stale, and then goes on with all of its pages and the feed", async () => {
    const api = await stub(
      CURSOR,
      json(200, [run("older")], STALE),
      json(200, [run("a")], { ...NEXT, ...STALE }),
      json(200, [run("b")], STALE),
      stream([frame(changes("9.2", run("c")))], "hang"),
    );
    let stale = 0;
    const got = await until(api.client({ retries: 1 }).runs.follow({ onStale: () => stale++ }), "9.2");
    expect(got.map(({ runs }) => runs.map(({ id }) => id))).toEqual([["a"], ["b"], ["c"]]);
    expect(got[1]?.cursor).toBe("9.1");
    expect(stale).toBe(2);
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
    expect(await thrown(until(never.client({ retries: 1 }).runs.follow({ after: "now" }), ""))).toMatchObject({
      code: "unreachable",
    });
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
      for await (const one of api
        .client({ retries: 0, retryDelayMs: 60_000 })
        .runs.follow({ after: "now", signal: stop.signal, onBreak })) {
        got.push(one);
        if (got.length === 1) expect(one).toEqual(changes("9.1"));
      }
    };
    expect(await thrown(following())).toMatchObject({ message: "enough" });
    expect(got.length).toBeGreaterThan(0);
  });
});
