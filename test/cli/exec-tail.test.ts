/** What `exec` sends of a running command's output: how often, which lines, and what it does if nobody takes them. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { CommandOutput } from "../../src/cli/exec/command-output.ts";
import { heartbeatsOf } from "../../src/cli/exec/exec.ts";
import { ActionRunsError, type Schemas } from "../../src/client/index.ts";
import { cli, start } from "./command.ts";
import { type BadServer, badServer, json, RUN } from "./misbehaving.ts";

const TOKEN = `${RUN.id}:1764000000000:${"0f1e2d3c".repeat(8)}`;
const ANSWER = { status: "running", deadlineAt: RUN.createdAt, cancel: null } as const;
type Sent = Schemas["Heartbeat"];

function outputOf(...chunks: readonly string[]): CommandOutput {
  const output = new CommandOutput([TOKEN]);
  for (const chunk of chunks) output.push("stdout", Buffer.from(chunk));
  return output;
}

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `line ${n + 1}\n`).join("");

describe("the newest lines", () => {
  test.each<[what: string, chunks: string[], lines: string]>([
    ["nothing", [], ""],
    ["a line that is not at its end", ["half"], ""],
    ["a long line that is not at its end", ["one\n", "x".repeat(5000)], "one\n"],
    ["lines, and the beginning of one", ["one\ntw", "o\nthr"], "one\ntwo\n"],
    ["lines that end in CR", ["10%\r20%\r3"], "10%\r20%\r"],
    ["colours", ["\x1b[31mred\x1b[0m\n"], "red\n"],
    ["NUL and half a character", ["a\0b\n"], "ab\n"],
  ])("of %s are whole lines without colours", (_what, chunks, lines) => {
    expect(outputOf(...chunks).newestLines()).toBe(lines);
  });

  test("are at most 8 KiB, and begin with a line", () => {
    for (const count of [1000, 1100, 5000]) {
      const lines = outputOf(numbered(count)).newestLines();
      expect(lines.length).toBeLessThanOrEqual(8192);
      expect(lines.length).toBeGreaterThan(8192 - 20);
      expect(lines).toMatch(new RegExp(`^line \\d+\\n(?:.*\\n)*line ${count}\\n$`));
      expect(numbered(count)).toContain(`\n${lines}`);
    }
    // All of them fit.
    expect(outputOf(numbered(100)).newestLines()).toBe(numbered(100));
  });

  test("may begin within a line that is longer than a kilobyte", () => {
    expect(outputOf(`${"é".repeat(9000)}\n`).newestLines()).toBe(`${"é".repeat(4095)}\n`);
  });

  test("hide a secret wherever a chunk or the limit cuts it", () => {
    for (let cut = 1; cut < TOKEN.length; cut += 7) {
      const begun = outputOf("one\n", TOKEN.slice(0, cut));
      expect(begun.newestLines()).toBe("one\n");
      begun.push("stdout", Buffer.from(`${TOKEN.slice(cut)} end\n`));
      expect(begun.newestLines()).toBe("one\n*** end\n");
      // The limit falls into the secret.
      const filler = "x".repeat(8192 - cut);
      expect(outputOf(`${TOKEN}${filler}\n`).newestLines()).toMatch(/^\**x+\n$/);
    }
  });

  test.each([
    ["in base64", Buffer.from(TOKEN).toString("base64")],
    ["in base64 behind other text", Buffer.from(`x${TOKEN}`).toString("base64")],
    ["as it is", TOKEN],
    ["percent-encoded", encodeURIComponent(TOKEN)],
    ["in the base64 of URLs", Buffer.from(TOKEN).toString("base64url")],
  ])(
    "hide the lines of a secret that is printed %s, in lines of which the last ones are still to come",
    (_how, printed) => {
      const lines = printed.match(/.{1,40}/g) ?? [];
      const output = outputOf("one\n");
      for (const line of lines.slice(0, -1)) {
        output.push("stdout", Buffer.from(`${line}\n`));
        expect(output.newestLines()).toMatch(/^one\n(?:.{1,2}\*\*\*)?$/);
      }
      output.push("stdout", Buffer.from(`${lines.at(-1)}\nend\n`));
      expect(output.newestLines()).toMatch(/^one\n.{0,2}\*\*\*.{0,6}\nend\n$/);
    },
  );

  test("hide a secret that the other stream interrupts", () => {
    const output = outputOf("one\n");
    output.push("stdout", Buffer.from(TOKEN.slice(0, 60)));
    output.push("stderr", Buffer.from("a warning\n"));
    expect(output.newestLines()).toBe("one\na warning\n");
    output.push("stdout", Buffer.from(`${TOKEN.slice(60)}\n`));
    expect(output.newestLines()).toBe("one\na warning\n***\n");
    expect(output.tail()).toBe("one\na warning\n***\n");
  });
});

test("the lines of a secret that is broken into lines are held back until all of it is there", () => {
  const base64 = `${Buffer.from(TOKEN).toString("base64").replace(/.{76}/g, "$&\n")}\n`;
  for (const secret of [`${TOKEN.replace(/.{20}/g, "$&\r\n")}\n`, base64]) {
    const output = outputOf("one\n");
    for (const line of secret.split(/(?<=\n)/).slice(0, -1)) {
      output.push("stdout", Buffer.from(line));
      expect(output.newestLines()).toBe("one\n");
    }
    output.push("stdout", Buffer.from(`${secret.split(/(?<=\n)/).at(-1)}two\n`));
    expect(output.newestLines()).toMatch(/^one\n\*\*\*.{0,6}\ntwo\n$/);
  }
  // What only begins like a secret is shown with the next line.
  const output = outputOf(`run ${RUN.id}\n`);
  expect(output.newestLines()).toBe("");
  output.push("stdout", Buffer.from("two\n"));
  expect(output.newestLines()).toBe(`run ${RUN.id}\ntwo\n`);
});

/** Heartbeats of a service that answers with these, one after another. */
function given(intervalSeconds: number | null, ...answers: readonly (Partial<Schemas["HeartbeatAnswer"]> | number)[]) {
  const sent: Sent[] = [];
  const left = [...answers];
  const beats = {
    heartbeat: async (news: Sent = {}) => {
      sent.push(news);
      const answer = left.shift() ?? {};
      if (typeof answer !== "number") return { ...ANSWER, ...answer };
      throw new ActionRunsError("No.", { status: answer === 0 ? null : answer, code: "x" });
    },
  };
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  const heartbeats = heartbeatsOf({ beats, intervalSeconds }, outputOf("one\n"), false);
  const { signal } = new AbortController();
  return {
    sent,
    /** How many heartbeats each wait and send brings, and how long the waits are. */
    async beat(count: number): Promise<number[]> {
      const waits: number[] = [];
      for (let n = 0; n < count; n++) {
        waits.push(heartbeats.pauseMs() / 1000);
        now += heartbeats.pauseMs();
        await heartbeats.send(signal).catch(() => {});
      }
      return waits;
    },
  };
}

afterEach(() => vi.restoreAllMocks());

const [WITH, WITHOUT] = [{ tail: "one\n" }, {}];

describe("heartbeats", () => {
  test("carry the lines every 30 s if nobody watches", async () => {
    const { sent, beat } = given(null);
    expect(await beat(5)).toEqual([15, 15, 15, 15, 15]);
    expect(sent).toEqual([WITH, WITHOUT, WITH, WITHOUT, WITH]);
  });

  test("come every 5 s and carry the lines each time while somebody watches", async () => {
    const { sent, beat } = given(null, {}, { watched: true }, { watched: true }, {}, {});
    expect(await beat(6)).toEqual([15, 15, 5, 5, 15, 15]);
    expect(sent).toEqual([WITH, WITHOUT, WITH, WITH, WITHOUT, WITH]);
  });

  test("keep an interval that was asked for", async () => {
    const watched = { watched: true } as const;
    const often = given(1, watched, watched, {});
    expect(await often.beat(5)).toEqual([1, 1, 1, 1, 1]);
    expect(often.sent).toEqual([WITH, WITH, WITH, WITHOUT, WITHOUT]);
    const rarely = given(60);
    expect(await rarely.beat(2)).toEqual([60, 60]);
    expect(rarely.sent).toEqual([WITH, WITH]);
  });

  test("carry none for a service that says nothing of watching, except every 30 s", async () => {
    const { sent, beat } = given(null, { watched: undefined as never });
    await beat(2);
    expect(sent).toEqual([WITH, WITHOUT]);
  });

  test.each([0, 500, 503, 429])(
    "that fail otherwise with the lines (%d) are followed by one without",
    async (status) => {
      const { sent, beat } = given(60, status, {}, status, {});
      await beat(4);
      expect(sent).toEqual([WITH, WITHOUT, WITH, WITHOUT]);
    },
  );
});

describe.concurrent("exec", () => {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-tail-"));
  const open: BadServer[] = [];
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    for (const server of open) await server.close();
  });

  async function service(refusesTail: boolean) {
    const bodies: (Sent & { output?: { log?: string; tail?: string } })[] = [];
    const server = await badServer((request, response) => {
      const body = JSON.parse(server.requests.at(-1)?.body || "{}");
      bodies.push(body);
      if (refusesTail && body.tail !== undefined) {
        json(response, 400, { error: "/tail is unknown.", code: "invalid_body", pointer: "/tail" });
      } else json(response, 200, request.url?.endsWith("/heartbeat") ? { ...ANSWER, watched: true } : RUN);
    });
    open.push(server);
    const url = `${server.url}/acme/shop/envs/prod/action-runs/${RUN.id}/callback`;
    return { bodies, settings: { CALLBACK_URL: url, CALLBACK_TOKEN: TOKEN } };
  }

  const until = async (isSo: () => boolean) => {
    for (let n = 0; n < 600 && !isSo(); n++) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isSo()).toBe(true);
  };
  /** Waits until somebody has made the file, for half a minute at most. */
  const untilMade = (mark: string) => `n=0; while [ ! -e '${mark}' ] && [ $((n += 1)) -lt 300 ]; do sleep 0.1; done`;

  test("sends what its command prints while it runs, without the token", async () => {
    const { bodies, settings } = await service(false);
    const mark = join(folder, "told");
    const text = `echo one; echo "is $CALLBACK_TOKEN"; printf half; ${untilMade(mark)}; echo; echo two`;
    const job = start(["exec", "--keep-token", "--interval", "1", "--", "sh", "-c", text], settings);
    await until(() => bodies.some(({ tail }) => tail === "one\nis ***\n"));
    writeFileSync(mark, "");
    expect((await job.ended).code).toBe(0);
    expect(bodies[0]).toEqual({});
    expect(bodies.at(-1)?.output?.tail).toBe("one\nis ***\nhalf\ntwo\n");
    expect(JSON.stringify(bodies)).not.toContain(TOKEN);
  });

  test("goes on with heartbeats if the service refuses the lines", async () => {
    const { bodies, settings } = await service(true);
    const mark = join(folder, "refused");
    const job = start(["exec", "--interval", "1", "--", "sh", "-c", `echo one; ${untilMade(mark)}`], settings);
    await until(() => bodies.length >= 5);
    writeFileSync(mark, "");
    expect(await job.ended).toMatchObject({ code: 0, stderr: "" });
    expect(bodies.slice(0, 4)).toEqual([{}, { tail: "one\n" }, {}, {}]);
  });

  test("--log reports all of an output that fits, and else its beginning and its end", async () => {
    const { bodies, settings } = await service(false);
    const print = (count: number) => ["exec", "--log", "--", "seq", "-f", "line %.0f", "1", String(count)];
    await cli(print(10_000), settings);
    expect(bodies.at(-1)).toMatchObject({ output: { exitCode: 0, log: numbered(10_000) } });
    await cli(print(100_000), settings);
    const { log = "", tail } = bodies.at(-1)?.output ?? {};
    expect(tail).toBeUndefined();
    expect(log).toMatch(/^line 1\nline 2\n[^…]*\n… \d+ bytes left out …\n[^…]*\nline 100000\n$/);
    expect(Buffer.byteLength(JSON.stringify({ exitCode: 0, log }))).toBeLessThan(256 * 1024);
    expect(log.length).toBeGreaterThan(220 * 1024);
  });
});

describe("a log", () => {
  const logOf = (text: string, chunk: number) => {
    const output = new CommandOutput([TOKEN], { isLog: true });
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += chunk) output.push("stdout", bytes.subarray(at, at + chunk));
    return output.log();
  };

  test.each([0, 1, 60_000, 66_000, 160_000, 170_000, 220_000, 229_000])("of %d bytes is whole", (bytes) => {
    const text = "é\n".repeat(Math.ceil(bytes / 3));
    expect(logOf(text, 7777) === text).toBe(true);
  });

  test("shows no part of a secret, wherever it is cut", () => {
    for (let at = 65_400; at < 65_700; at += 13) {
      const log = logOf(`${"x".repeat(at)}${TOKEN}${"y".repeat(200_000)}${TOKEN}${"z".repeat(163_800)}`, 50_000);
      expect(log).toMatch(/^x+\**y*\n… \d+ bytes left out …\n[y*]*z+$/);
    }
    expect(logOf(`${TOKEN} `.repeat(5000), 50_000)).not.toMatch(/[0-9a-f:-]{7}/);
  });
});
