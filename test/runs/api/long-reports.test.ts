import { describe, expect, it } from "vitest";
import { ERROR_MAX_BYTES, OUTPUT_MAX_BYTES, REPORT_MAX_BYTES, utf8Bytes } from "../../../src/base/limits.ts";
import { type ActionRun, ask, createRun, newRunsPath, report } from "../../support/requests.ts";

type Reported = ActionRun & { readonly truncated?: readonly string[]; readonly code?: string };

const MIB = 1024 * 1024;

/** Sends a report of a new run, with a key. Returns the response, and how to get and to repeat it. */
async function sent(body: unknown, raw?: string) {
  const runs = newRunsPath();
  const run = await createRun(runs);
  const send = (other = body, otherRaw = raw) =>
    ask<Reported>("POST", run.callback.url, {
      token: run.callback.token,
      headers: { "Idempotency-Key": "job-1" },
      ...(otherRaw === undefined ? { body: other } : { raw: otherRaw }),
    });
  return { ...(await send()), run, send, get: async () => (await ask(`GET`, `${runs}/${run.id}`)).body };
}

const jsonBytes = (value: unknown) => utf8Bytes(JSON.stringify(value));
const GAP = /\n… (\d+) characters left out …\n/;

/** What was kept of `text`: the two ends and the number of characters between them. */
function expectEnds(kept: string | null, text: string, max: number): void {
  const [, count] = GAP.exec(kept ?? "") ?? [];
  const [head = "", tail = ""] = (kept ?? "").split(GAP).filter((part) => part !== count);
  expect(text.startsWith(head) && text.endsWith(tail)).toBe(true);
  expect(kept?.isWellFormed()).toBe(true);
  expect(Number(count)).toBe([...text].length - [...head].length - [...tail].length);
  expect(jsonBytes(kept)).toBeLessThanOrEqual(max);
  // Both ends have what fits, but for a character and the sentence between them.
  for (const end of [head, tail]) expect(jsonBytes(end)).toBeGreaterThan(max / 2 - 60);
}

describe("a report that is too long ends its run", () => {
  it.each(["é", '"', "😀", "a\u0001", "\n", "ab"])(
    "and keeps both ends of an error of many %j, in whole characters",
    async (unit) => {
      const error = `first${unit.repeat(20_000)}last`;
      const { status, body, get } = await sent({ status: "failed", error });
      expect([status, body.status, body.truncated]).toEqual([200, "failed", ["/error"]]);
      expectEnds(body.error, error, ERROR_MAX_BYTES);
      const { truncated: _, ...run } = body;
      expect(await get()).toEqual(run);
    },
  );

  it("and keeps both ends of a log in its output, and all else", async () => {
    const log = `begin ${"line\n".repeat(60_000)} end`;
    const { body, status } = await sent({ status: "succeeded", output: { url: "https://a.example", logs: [{ log }] } });
    expect([status, body.truncated]).toEqual([200, ["/output/logs/0/log"]]);
    expect(body.output).toMatchObject({ url: "https://a.example" });
    const { logs } = body.output as { logs: readonly { log: string }[] };
    expectEnds(logs[0]?.log ?? "", log, OUTPUT_MAX_BYTES);
    expect(jsonBytes(body.output)).toBeLessThanOrEqual(OUTPUT_MAX_BYTES);
  });

  it("and shortens the longest texts first, to one length", async () => {
    const output = { small: "s".repeat(1000), b: "b".repeat(200_000), a: "a".repeat(100_000), c: "c".repeat(90_000) };
    const { body } = await sent({ status: "failed", error: "e", output });
    const { small, a, b, c } = body.output as typeof output;
    expect(body.truncated).toEqual(["/output/a", "/output/b", "/output/c"]);
    expect(small).toBe(output.small);
    const lengths = [a, b, c].map((one) => one.length);
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThan(5);
    expect(jsonBytes(body.output)).toBeGreaterThan(OUTPUT_MAX_BYTES - 200);
  });

  it("and one pointer stands for more than 20 texts, or for one that is too deep to name", async () => {
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`t${i}`, "x".repeat(20_000)]));
    expect((await sent({ status: "succeeded", output: many })).body.truncated).toEqual(["/output"]);
    const long = { ["k".repeat(300)]: "x".repeat(300_000) };
    expect((await sent({ status: "succeeded", output: long })).body.truncated).toEqual(["/output"]);
  });

  it("and odd member names do no harm", async () => {
    const log = "x".repeat(300_000);
    const { body } = await sent(null, `{"status":"succeeded","output":{"__proto__":{"log":"${log}"}}}`);
    expect(body.truncated).toEqual(["/output/__proto__/log"]);
    expect(JSON.stringify(body.output)).toMatch(/^\{"__proto__":\{"log":"x+\\n… /);
    expect(({} as { log?: string }).log).toBeUndefined();
  });

  it.each([
    ["has too many values", { a: Array.from({ length: 140_000 }, () => 1) }, /more than 262144 bytes/],
    ["has too many short texts", { a: Array.from({ length: 3000 }, () => "x".repeat(200)) }, /more than 262144 bytes/],
    ["has too many names", Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`k${i}`, 1])), /262144/],
  ])("and a sentence stands for an output that %s", async (_, output, why) => {
    const { status, body } = await sent({ status: "failed", error: "e", output });
    expect([status, body.error, body.truncated]).toEqual([200, "e", ["/output"]]);
    expect(body.output).toEqual({ leftOut: expect.stringMatching(why) });
  });

  const deep = (levels: number, [open, close] = ["[", "]"]) => open + "[".repeat(levels) + "]".repeat(levels) + close;

  it.each([
    ["is too deep", `{"output":{"a":${deep(100_000)}},"status":"failed","error":"e"}`, /63 levels/],
    [
      "is too large to be parsed, among members like it",
      `{"error":"\\"output\\":{","output":{"output":[${"{},".repeat(1_300_000)}1]},"status":"failed"}`,
      /262144 bytes/,
    ],
    [
      "comes last, and twice",
      `{"status":"failed","error":"e","output":{"a":1},"output" : {"a":${deep(70)}} }`,
      /63 levels/,
    ],
  ])("and a sentence stands for an output that %s", async (_, raw, why) => {
    const { status, body } = await sent(null, raw);
    expect([status, body.status, body.truncated]).toEqual([200, "failed", ["/output"]]);
    expect(body.output).toEqual({ leftOut: expect.stringMatching(why) });
  });

  it("if its body has at most 4 MiB", async () => {
    const rest = '{"status":"failed","error":""}'.length;
    const ofBytes = (bytes: number) => `{"status":"failed","error":"${"x".repeat(bytes - rest)}"}`;
    expect((await sent(null, ofBytes(REPORT_MAX_BYTES))).body.truncated).toEqual(["/error"]);
    const { status, body, get } = await sent(null, ofBytes(REPORT_MAX_BYTES + 1));
    expect([status, body.code, body.error]).toEqual([413, "body_too_large", expect.stringContaining("4194304")]);
    expect((await get()).status).toBe("pending");
  });

  it("also as cancelled, if the run was asked to stop", async () => {
    const runs = newRunsPath();
    const run = await createRun(runs);
    await ask("POST", `${runs}/${run.id}/heartbeat`, { token: run.callback.token });
    await ask("POST", `${runs}/${run.id}/cancel`, { body: { graceSeconds: 60 } });
    const { body } = await report(run, { status: "failed", error: "x".repeat(10_000) });
    expect(body).toMatchObject({ status: "cancelled", truncated: ["/error"] });
  });
});

describe("the key of a report that is too long", () => {
  const long = (character: string) => ({
    status: "failed",
    error: `a${character.repeat(20_000)}a`,
    output: { log: character.repeat(300_000) },
  });

  it("gives a repetition the same answer", async () => {
    const first = await sent(long("x"));
    const again = await first.send();
    expect(again.headers.get("Idempotent-Replayed")).toBe("true");
    expect(again.body).toEqual(first.body);
    expect(again.body.truncated).toEqual(["/error", "/output/log"]);
  });

  it("tells another report from it, although the same is kept of both", async () => {
    const middle = (character: string) => `${"x".repeat(10_000)}${character}${"x".repeat(10_000)}`;
    const first = await sent({ status: "failed", error: middle("a") });
    const other = await first.send({ status: "failed", error: middle("b") });
    expect([other.status, other.body.code]).toEqual([409, "run_failed"]);
  });
});

describe("what is wrong with a report in another way stays refused, and its run stays open", () => {
  it.each([
    ["an error that is no text", `{"status":"failed","error":[${"1,".repeat(700_000)}1]}`],
    ["an unknown member of many values", `{"status":"succeeded","x":[${"{},".repeat(500_000)}1]}`],
    ["no JSON", `{"status":"failed","error":"${"x".repeat(MIB * 2)}`],
    ["another member that is too deep", `{"status":"failed","error":"e","x":${"[".repeat(70)}${"]".repeat(70)}}`],
  ])("is 400 invalid_body for %s", async (_, raw) => {
    const { status, body, get } = await sent(null, raw);
    expect([status, body.code]).toEqual([400, "invalid_body"]);
    expect((await get()).status).toBe("pending");
  });
});
