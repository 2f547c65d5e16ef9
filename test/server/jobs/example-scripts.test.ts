/** The scripts of examples/ that start a job's command and report its end, with a receiver that notes their requests. */

import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { until } from "../until.ts";
import { CALLBACK, HEARTBEAT, hasCurl, JobMachine, programFile, type Running } from "./job-machine.ts";
import type { Env } from "./products.ts";

const RUN_ID = "01a212de-9b55-8003-a8a9-dd2c148ea617";
const TOKEN = `${RUN_ID}:1795614708373:${"5e".repeat(32)}`;
const AUTHORIZATION = `Bearer ${TOKEN}`;
/** The response to a heartbeat of a run that was cancelled. */
const CANCELLED = {
  status: "running",
  deadlineAt: "x",
  cancel: { reason: null, requestedAt: "x", until: "y", remainingMs: 60_000 },
};

const machine = new JobMachine("of-example-scripts-test");
const { folder, arrived } = machine;
const mark = join(folder, "runs/mark");
const given = (): Env => ({
  RUN_ID,
  CALLBACK_URL: `${machine.origin}/acme/shop/envs/production/action-runs/${RUN_ID}/callback`,
  CALLBACK_TOKEN: TOKEN,
});

// Installed as examples/README.md says.
beforeAll(() => machine.install("opt", "examples/shell/job.sh", "reporters/report.sh"));
beforeEach(() => {
  machine.answer = () => 200;
  rmSync(join(folder, "runs"), { recursive: true, force: true });
  mkdirSync(join(folder, "runs"));
});

const untilArrived = (count: number) => until(`${count} requests arrive`, () => arrived.length >= count);

/** A folder with links to programs, perhaps under other names, as busybox has them. */
function aliases(name: string, programs: Readonly<Record<string, string>>): string {
  const bin = join(folder, name);
  mkdirSync(bin, { recursive: true });
  for (const [alias, program] of Object.entries(programs)) {
    rmSync(join(bin, alias), { force: true });
    symlinkSync(programFile(program) ?? "", join(bin, alias));
  }
  return bin;
}

const withPath = (bin: string) => `${bin}${delimiter}${process.env.PATH}`;

const BUSYBOX = "awk cat cut date dd dirname mkdir mktemp od rm sed sh sleep tail tee tr uname";

/** Shells, each with the tools that it usually comes with. */
const MACHINES: readonly { name: string; shell: readonly string[]; needs: readonly string[]; path: () => string }[] = [
  {
    name: "dash, mawk",
    shell: ["dash"],
    needs: ["dash", "mawk"],
    path: () => withPath(aliases("dash", { sh: "dash", awk: "mawk" })),
  },
  {
    name: "bash, gawk",
    shell: ["bash"],
    needs: ["bash", "gawk"],
    path: () => withPath(aliases("bash", { sh: "bash", awk: "gawk" })),
  },
  {
    name: "busybox",
    shell: ["busybox", "sh"],
    needs: ["busybox"],
    path: () =>
      aliases("busybox", {
        ...Object.fromEntries(BUSYBOX.split(" ").map((tool) => [tool, "busybox"])),
        busybox: "busybox",
        curl: "curl",
      }),
  },
].filter(({ needs }) => needs.every((program) => programFile(program) !== undefined));

describe.skipIf(!hasCurl)("examples/shell/job.sh", () => {
  const script = join(folder, "opt/job.sh");
  const begun = { what: HEARTBEAT, authorization: AUTHORIZATION, body: { message: `Begun on ${hostname()}` } };
  const key = `shell-${RUN_ID}`;

  function job(command: readonly string[], more: Env = {}, shell: readonly string[] = ["sh"]): Running {
    return machine.run([...shell, script, ...command], { ...given(), RUNS_FOLDER: join(folder, "runs"), ...more });
  }

  it("sends a heartbeat, then one report of a command that succeeded", async () => {
    expect(await job(["true"]).ended).toEqual({ code: 0, printed: "The run has succeeded.\n" });
    const report = { status: "succeeded" };
    expect(arrived).toMatchObject([begun, { what: CALLBACK, authorization: AUTHORIZATION, key, body: report }]);
    expect(arrived).toHaveLength(2);
  });

  it.each([
    [
      "becomes the run's output",
      '{"page":"https://shop.example"}\n',
      { status: "succeeded", output: { page: "https://shop.example" } },
      0,
    ],
    [
      "fails the run if it is no object",
      "[1]",
      {
        status: "failed",
        error: expect.stringMatching(/^The command succeeded, but its output was refused\. .*JSON object/),
      },
      65,
    ],
    [
      "fails the run if it is too long",
      `{"a":"${"x".repeat(200_000)}"}`,
      { status: "failed", error: expect.stringMatching(/^The command succeeded, but its/) },
      65,
    ],
  ])("what the command writes to $OUTPUT_FILE %s", async (_, written, body, code) => {
    writeFileSync(join(folder, "written"), written);
    expect((await job(["sh", "-c", 'cat written >"$OUTPUT_FILE"']).ended).code).toBe(code);
    expect(arrived.at(-1)).toMatchObject({ what: CALLBACK, key, body });
  });

  describe.each(MACHINES)("in $name", ({ shell, path }) => {
    /** The reported error of a command that prints these bytes and fails. */
    async function errorFor(printed: Uint8Array): Promise<string> {
      writeFileSync(join(folder, "printed"), printed);
      const env = { PATH: path(), LC_ALL: "C.UTF-8" };
      const command = ["sh", "-c", `cat printed; printf %s "\${CALLBACK_TOKEN-}"; exit 3`];
      const ended = await job(command, env, shell).ended;
      expect(ended.code, ended.printed).toBe(3);
      expect(arrived, ended.printed).toMatchObject([begun, { what: CALLBACK, key, body: { status: "failed" } }]);
      const [, { body } = { body: null }] = arrived;
      return (body as { error: string }).error;
    }

    it("reports a command that failed with the end of its output, whatever its characters", async () => {
      const printed = 'Grüße, 日本語, 😀\na "b" \\ \u0001\t$(id)\n';
      expect(await errorFor(Buffer.from(printed))).toBe(`Exited with status 3.\n${printed.trimEnd()}`);
    });

    it("replaces bytes that are not UTF-8", async () => {
      const bytes = Buffer.concat([Buffer.from("a"), Buffer.from("fffec3", "hex"), Buffer.from("b")]);
      expect(await errorFor(bytes)).toBe("Exited with status 3.\na\ufffd\ufffd\ufffdb");
    });

    it.each([0, 1, 2, 3])("begins a long tail with a whole character, cut %i bytes in", async (offset) => {
      const error = await errorFor(Buffer.from(`${"😀".repeat(5000)}${"x".repeat(offset)}`));
      const whole = Math.floor((2000 - offset) / 4);
      expect(error).toBe(`Exited with status 3.\n${"😀".repeat(whole)}${"x".repeat(offset)}`);
    });

    it("ends the error after 2000 bytes, however much was printed", async () => {
      const error = await errorFor(Buffer.alloc(100_000, 1));
      expect(error).toBe(`Exited with status 3.\n${"\u0001".repeat(2000)}`);
    });
  });

  it("sends the newest whole lines of the log with later heartbeats", async () => {
    const waits = `n=0; while [ ! -e '${mark}' ] && [ $((n += 1)) -lt 300 ]; do sleep 0.1; done`;
    const started = job(["sh", "-c", `echo one; printf half; ${waits}`], { BEAT_EVERY_SECONDS: "0.3" });
    const body = { message: `Still running on ${hostname()}`, tail: "one\n" };
    await until("the line has arrived", () => arrived.some((one) => JSON.stringify(one.body) === JSON.stringify(body)));
    writeFileSync(mark, "");
    expect((await started.ended).code).toBe(0);
    expect(arrived.filter(({ text }) => text.includes("half"))).toEqual([]);
  });

  it("reports a missing command", async () => {
    expect((await job(["/nowhere/deploy.sh"]).ended).code).toBe(127);
    expect(arrived.at(-1)).toMatchObject({ what: CALLBACK, body: { status: "failed" } });
  });

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("on %s ends the command, reports once and sends no more heartbeats", async (signal, code) => {
    const started = job(["sleep", "60"], { BEAT_EVERY_SECONDS: "0.3" });
    await untilArrived(3);
    started.child.kill(signal);
    started.child.kill(signal);
    expect((await started.ended).code).toBe(code);
    await delay(700);
    expect(arrived[1]).toMatchObject({ what: HEARTBEAT, body: { message: `Still running on ${hostname()}` } });
    expect(arrived.filter(({ what }) => what === CALLBACK)).toHaveLength(1);
    expect(arrived.at(-1)).toMatchObject({ key, body: { status: "failed", error: `Stopped by ${signal}.` } });
  });

  it("ends the command if the run was cancelled", async () => {
    machine.answer = ({ what }) => (what === HEARTBEAT && arrived.length > 1 ? Response.json(CANCELLED) : 200);
    const started = job(["sleep", "60"], { BEAT_EVERY_SECONDS: "0.3" });
    expect((await started.ended).code).toBe(143);
    expect(arrived.map(({ what }) => what)).toEqual([HEARTBEAT, HEARTBEAT, CALLBACK]);
    expect(arrived.at(-1)).toMatchObject({ body: { status: "failed", error: "Stopped by SIGTERM." } });
  });

  it("lets a stopped command end by itself, and reports after that", async () => {
    const whenReported: boolean[] = [];
    machine.answer = ({ what }) => {
      if (what === CALLBACK) whenReported.push(existsSync(mark));
      return 200;
    };
    const command = `trap 'sleep 0.5; echo tidy >${mark}; exit 9' TERM; while :; do sleep 0.1; done`;
    const started = job(["sh", "-c", command], { BEAT_EVERY_SECONDS: "0.3" });
    await untilArrived(2);
    started.child.kill("SIGTERM");
    expect((await started.ended).code).toBe(143);
    expect(whenReported).toEqual([true]);
  });

  it("does not start the command if the first heartbeat is refused", async () => {
    machine.answer = () => 409;
    const { code, printed } = await job(["touch", mark]).ended;
    expect(code).toBe(69);
    expect(existsSync(mark)).toBe(false);
    // webhook discards the output of its commands.
    expect(readFileSync(join(folder, "runs", RUN_ID, "reports"), "utf8")).toBe(printed);
  });

  it("retries a failed report with the same key and body", async () => {
    machine.answer = ({ what }) => (what === CALLBACK && arrived.length < 3 ? 503 : 200);
    expect((await job(["true"]).ended).code).toBe(0);
    const [first, ...again] = arrived.slice(1);
    expect(again).toEqual([first]);
  });

  it("ignores a second dispatch of the same run", async () => {
    await job(["true"]).ended;
    const second = await job(["false"]).ended;
    expect(second).toEqual({ code: 0, printed: `Run ${RUN_ID} has already started.\n` });
    expect(arrived).toHaveLength(2);
  });

  it("does not start the command without report.sh beside it", async () => {
    machine.install("alone", "examples/shell/job.sh");
    const ended = await machine.run(["sh", "alone/job.sh", "true"], given()).ended;
    expect(ended).toEqual({ code: 69, printed: "There is no alone/report.sh. Copy it from reporters/.\n" });
  });

  it("reports a missing folder", async () => {
    expect((await job(["true"], { RUNS_FOLDER: "/nowhere" }).ended).code).toBe(73);
    expect(arrived).toMatchObject([{ what: CALLBACK, body: { status: "failed" } }]);
  });

  it.each(["../../etc", "a b", "$(id)"])("refuses a run's id that is not a UUID and sends nothing: %s", async (id) => {
    expect((await job(["true"], { RUN_ID: id }).ended).code).toBe(64);
    expect(arrived).toEqual([]);
  });
});

describe.skipIf(!hasCurl)("examples/any-product/job.sh", () => {
  const job = (command: readonly string[], env: Env = {}) =>
    machine.run(["sh", join(ROOT, "examples/any-product/job.sh"), ...command], { ...given(), ...env }).ended;

  it("hides the token from the command, and exits with the command's status", async () => {
    expect(await job(["sh", "-c", `echo "\${CALLBACK_TOKEN-no token}"; exit 3`])).toEqual({
      code: 3,
      printed: "no token\n",
    });
    expect(arrived).toMatchObject([
      { what: HEARTBEAT, authorization: AUTHORIZATION },
      { what: CALLBACK, authorization: AUTHORIZATION, key: `job-${RUN_ID}` },
    ]);
  });

  it("does not start the command if the run was cancelled", async () => {
    machine.answer = () => Response.json(CANCELLED);
    const ended = await job(["touch", mark]);
    expect(ended).toEqual({ code: 1, printed: "The run was cancelled.\n" });
    expect(existsSync(mark)).toBe(false);
  });

  it("prints nothing that a CI product would take for a command", async () => {
    machine.answer = () =>
      Response.json({ error: ":::x::y ##[error]z ##vso[a]b ##teamcity[c]", code: "a_code" }, { status: 400 });
    const { printed } = await job(["true"]);
    expect(printed).toContain("a_code");
    expect(printed).not.toMatch(/::|##/);
  });

  it.each([408, 429, 500])("retries the same report after a %i", async (status) => {
    machine.answer = ({ what }) => (what === CALLBACK && arrived.length < 3 ? status : 200);
    expect((await job(["true"])).code).toBe(0);
    expect(arrived).toHaveLength(3);
    expect(arrived[2]).toEqual(arrived[1]);
  });

  it.each([400, 409, 413])("does not retry after a %i, and prints the response", async (status) => {
    machine.answer = () => Response.json({ error: "Here is why.", code: "a_code" }, { status });
    const { code, printed } = await job(["touch", mark]);
    expect(code).toBe(1);
    expect(printed).toBe(`The service answered: {"error":"Here is why.","code":"a_code"} ${status}\n`);
    expect(arrived).toHaveLength(1);
    expect(existsSync(mark)).toBe(false);
  });
});

const PROGRAMS = [
  { program: programFile("python3"), file: "job.py" },
  { program: process.execPath, file: "job.mjs" },
].filter(({ program }) => program !== undefined);

describe.each(PROGRAMS)("examples/any-product/$file", ({ program = "", file }) => {
  const job = (script: string, env: Env = {}) =>
    machine.run([program, join(ROOT, "examples/any-product", file), "sh", "-c", script], {
      ...given(),
      BEAT_EVERY_SECONDS: "0.2",
      ...env,
    }).ended;
  it("does not start the command if the run was cancelled", async () => {
    machine.answer = () => Response.json(CANCELLED);
    expect((await job(`touch ${mark}`)).code).not.toBe(0);
    expect(existsSync(mark)).toBe(false);
  });

  it("reports a command that can't be started", async () => {
    const command = [program, join(ROOT, "examples/any-product", file), "/no/such/command"];
    expect((await machine.run(command, given()).ended).code).toBe(127);
    expect(arrived.at(-1)).toMatchObject({ what: CALLBACK, body: { status: "failed" } });
  });

  const waits = `n=0; while [ ! -e '${mark}' ] && [ $((n += 1)) -lt 300 ]; do sleep 0.1; done`;
  const tails = () => arrived.filter(({ what }) => what === HEARTBEAT).map(({ body }) => body as { tail?: string });

  it("sends the whole lines that its command has printed, then one report of its end", async () => {
    const running = job(`echo "\${CALLBACK_TOKEN-no token}"; printf half; ${waits}; echo; echo 'é' >&2`);
    await until("the line has arrived", () => tails().some(({ tail }) => tail === "no token\n"));
    writeFileSync(mark, "");
    expect(await running).toEqual({ code: 0, printed: "no token\nhalf\né\n" });
    expect(tails()[0]).toEqual({});
    expect(tails().every(({ tail = "" }) => !tail.includes("half") || tail.includes("half\n"))).toBe(true);
    const report = {
      what: CALLBACK,
      authorization: AUTHORIZATION,
      key: `job-${RUN_ID}`,
      body: { status: "succeeded" },
    };
    expect(arrived.filter(({ what }) => what === CALLBACK)).toMatchObject([report]);
  });

  it("reports a failure with its status and its last lines", async () => {
    expect((await job("echo 'no such host' >&2; exit 3")).code).toBe(3);
    const error = "The command exited with status 3.\nno such host\n";
    expect(arrived.at(-1)).toMatchObject({ what: CALLBACK, body: { status: "failed", error } });
  });

  it("goes on with heartbeats if the service refuses the lines", async () => {
    machine.answer = ({ body }) => (body !== null && typeof body === "object" && "tail" in body ? 400 : 200);
    const running = job(`echo one; ${waits}`);
    await until("heartbeats go on", () => tails().length > 5);
    writeFileSync(mark, "");
    expect((await running).code).toBe(0);
    expect(tails().filter(({ tail }) => tail !== undefined)).toHaveLength(1);
  });

  it("stops its command if the run was cancelled, and starts none if the run has ended", async () => {
    machine.answer = ({ what }) => (what === HEARTBEAT && arrived.length > 1 ? Response.json(CANCELLED) : 200);
    expect((await job("exec sleep 30")).code).not.toBe(0);
    expect(arrived.at(-1)).toMatchObject({ what: CALLBACK, body: { status: "failed" } });
    machine.answer = () => 409;
    expect((await job(`touch '${mark}'`)).code).not.toBe(0);
    expect(existsSync(mark)).toBe(false);
  });

  it("retries its report, and follows no redirect", async () => {
    machine.answer = ({ what }) => (what === CALLBACK && arrived.length < 3 ? 503 : 200);
    expect((await job("true")).code).toBe(0);
    expect(arrived).toHaveLength(3);
    expect(arrived[2]).toEqual(arrived[1]);
    arrived.length = 0;
    machine.answer = () => new Response("", { status: 302, headers: { Location: `${machine.origin}/elsewhere` } });
    expect((await job("true")).code).not.toBe(0);
    expect(arrived).toHaveLength(1);
  });
});
