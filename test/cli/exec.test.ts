/**
 * `exec`: how it runs a command, and what it sends to the run. Most of its tests wait, so they run side by side, each
 * in a process. The others run in this process, one at a time.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { cleanEnv, cli, type Settings, start } from "./command.ts";
import { cli as cliHere } from "./in-process.ts";
import { type BadServer, badServer, html, json, RUN } from "./misbehaving.ts";
import { COMMAND_LINE, hasTerminal, Terminal } from "./terminal.ts";

const TOKEN = "a-callback-token-that-nobody-else-sees";
const API_TOKEN = "an-api-token-that-nobody-else-sees-either";
/** Every variable that the command line reads and that can hold a credential, besides CALLBACK_TOKEN. */
const CREDENTIALS: Settings = {
  ACTION_RUNS_TOKEN: API_TOKEN,
  ACTION_RUNS_CREATE_BODY: '{"trigger":{"headers":{"Authorization":"secret-of-a-body"}}}',
  ACTION_RUNS_CREATE_TRIGGER: '{"headers":{"Authorization":"secret-of-a-trigger"}}',
  ACTION_RUNS_ACTION_PUT_BODY: '{"trigger":{"secrets":{"key":"secret-of-an-action"}}}',
  ACTION_RUNS_ACTION_TEST_BODY: '{"trigger":{"secrets":{"key":"secret-of-a-test"}}}',
  ACTION_RUNS_ACTION_PREVIEW_BODY: '{"trigger":{"secrets":{"key":"secret-of-a-preview"}}}',
};
/** The names of this program's variables, in what `env` prints. */
const OURS = /^(?:ACTION_RUNS|CALLBACK)_\w+/gm;
const NODE = process.execPath;
const folder = mkdtempSync(join(tmpdir(), "action-runs-exec-"));
const open: BadServer[] = [];
afterAll(async () => {
  for (const server of open) await server.close();
  rmSync(folder, { recursive: true });
});

interface ReportBody {
  readonly output: { readonly tail: string };
}

interface Service {
  readonly settings: Settings;
  beats(): number;
  /** The bodies of all reports so far. */
  reports(): readonly ReportBody[];
  reportKeys(): ReadonlySet<unknown>;
}

/** A service that accepts everything, except what `answer` handles itself. */
async function newService(
  answer: (request: IncomingMessage, response: ServerResponse, service: Service) => boolean = () => false,
): Promise<Service> {
  const server = await badServer((request, response) => {
    if (answer(request, response, service)) return;
    json(response, 200, isBeat(request) ? { status: "running", deadlineAt: RUN.createdAt, cancel: null } : RUN);
  });
  open.push(server);
  const to = (end: string) => server.requests.filter(({ line }) => line.endsWith(end));
  const service: Service = {
    settings: {
      CALLBACK_URL: `${server.url}/acme/shop/envs/prod/action-runs/${RUN.id}/callback`,
      CALLBACK_TOKEN: TOKEN,
    },
    beats: () => to("/heartbeat").length,
    reports: () => to("/callback").map(({ body }) => JSON.parse(body)),
    reportKeys: () => new Set(to("/callback").map(({ headers }) => headers["idempotency-key"])),
  };
  return service;
}

const isReport = ({ url }: IncomingMessage) => url?.endsWith("/callback") === true;
const script = (text: string) => ["exec", "--", NODE, "-e", text];
const shell = (text: string) => ["exec", "--", "sh", "-c", text];

/**
 * Waits in short steps, so that traps run soon, until `condition` fails. Half a minute at most: a test that fails
 * leaves no process behind for good.
 */
const whileIt = (condition: string) => `n=0; while ${condition} [ $((n += 1)) -lt 300 ]; do sleep 0.1; done`;
const AGES = whileIt("");
const untilMade = (mark: string) => whileIt(`[ ! -e ${mark} ] &&`);

describe.concurrent("exec", () => {
  test("exits 0 if the command does, passes its output through unchanged, and reports the tail", async () => {
    const { settings, beats, reports } = await newService();
    const ended = await cli(shell("printf 'o\\033[31mut\\n'; printf err >&2; cat"), settings, "from stdin");
    expect(ended).toEqual({ code: 0, stdout: "o\x1b[31mut\nfrom stdin", stderr: "err" });
    expect(beats()).toBe(1);
    expect(reports()).toEqual([
      { status: "succeeded", output: { exitCode: 0, tail: expect.stringContaining("from stdin") } },
    ]);
    expect(reports()[0]?.output.tail).not.toContain("\x1b");
  });

  test("exits with the command's status, and reports it with the last line", async () => {
    const { settings, reports } = await newService();
    const ended = await cliHere(shell("echo '1 test failed'; exit 37"), settings);
    expect(ended).toEqual({ code: 37, stdout: "1 test failed\n", stderr: "" });
    const error = "sh exited with status 37: 1 test failed";
    expect(reports()).toEqual([{ status: "failed", error, output: { exitCode: 37, tail: "1 test failed\n" } }]);
  });

  test.each([
    ["/no/such/command", 127, "command could not be started: there is no such command"],
    [tmpdir(), 126, "tmp could not be started: the system says EACCES"],
  ])("exits as a shell if %s can't be started, and reports why", async (command, code, error) => {
    const { settings, reports } = await newService();
    expect((await cliHere(["exec", "--", command], settings)).code).toBe(code);
    expect(reports()).toMatchObject([{ status: "failed", error }]);
  });

  test("exits with 128 plus the number of the signal that ended the command", async () => {
    const { settings, reports } = await newService();
    const ended = await cliHere(shell("kill -KILL $$"), settings);
    expect(ended.code).toBe(137);
    expect(reports()).toMatchObject([{ status: "failed", error: "sh was ended by SIGKILL" }]);
  });

  test("leaves the command its own options, with or without --", async () => {
    const { settings } = await newService();
    for (const dashes of [["--"], []]) {
      const ended = await cliHere(["exec", ...dashes, "echo", "-e", "--", "--interval", "--help"], settings);
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/-- --interval --help\n$/) });
    }
  });

  test("gives the command no variable that can hold a credential, and hides both tokens in the tail", async () => {
    const { settings, reports } = await newService();
    const all = { ...settings, ...CREDENTIALS, ACTION_RUNS_RETRIES: "0" };
    const { stdout } = await cliHere(["exec", "--", "env"], all);
    expect(stdout.match(OURS)?.sort()).toEqual(["ACTION_RUNS_RETRIES", "CALLBACK_URL"]);
    const said = `exec cat <<'.'\n${TOKEN}\n${Buffer.from(`x${API_TOKEN}`).toString("base64")}\n.`;
    await cliHere(shell(said), all);
    expect(reports()[1]?.output.tail).toMatch(/^\*\*\*\n.{0,2}\*\*\*.{0,4}\n$/);
  });

  test("lets the command see the callback token alone if told to keep it, and hides it in the tail", async () => {
    const { settings, reports } = await newService();
    const run = ["exec", "--keep-token", "--", "sh", "-c", `env; echo "is $CALLBACK_TOKEN"`];
    const kept = await cliHere(run, { ...settings, ...CREDENTIALS });
    expect(kept.stdout.match(OURS)?.sort()).toEqual(["CALLBACK_TOKEN", "CALLBACK_URL"]);
    expect(kept.stdout).toContain(`is ${TOKEN}\n`);
    expect(reports()[0]?.output.tail).toContain("is ***\n");
  });

  test("passes much output through whole, and reports the last 16 KiB in whole characters", async () => {
    const { settings, reports } = await newService();
    const ended = await cli(script("process.stdout.write('é'.repeat(3_000_000) + 'end')"), settings);
    expect(ended.stdout).toBe(`${"é".repeat(3_000_000)}end`);
    const { tail = "" } = reports()[0]?.output ?? {};
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(16_384);
    expect(Buffer.byteLength(tail)).toBeGreaterThan(16_378);
    expect(tail).toMatch(/^é+end$/);
  });

  test("ends although the command leaves a process behind that holds the output open", async () => {
    const { settings, reports } = await newService();
    const job = start(shell("sleep 20 & echo started"), settings);
    await job.until(/started/);
    const at = Date.now();
    await once(job.child, "exit");
    expect(Date.now() - at).toBeLessThan(10_000);
    expect(reports()).toHaveLength(1);
  });

  test("passes all output to a slow reader although the command has ended", async () => {
    const { settings, reports } = await newService();
    const printing = `${COMMAND_LINE} exec -- head -c 300000 /dev/zero`;
    // Reads nothing, then a little, then nothing again.
    const line = `${printing} | (sleep 1.5; head -c 100000 > /dev/null; sleep 1.5; wc -c)`;
    const reader = spawn("sh", ["-c", line], { env: cleanEnv(settings), stdio: ["ignore", "pipe", "inherit"] });
    const [[chunk]] = (await Promise.all([once(reader.stdout, "data"), once(reader, "close")])) as [[Buffer], unknown];
    expect(Number(chunk)).toBe(200_000);
    expect(reports()).toHaveLength(1);
  });

  test("ends although the command leaves a process behind that prints without end", async () => {
    const { settings, reports } = await newService();
    const job = start(shell("timeout 20 yes & echo started"), settings);
    const [code] = (await once(job.child, "exit")) as [number];
    expect(code).toBe(0);
    expect(reports()).toHaveLength(1);
  });

  test("sends a heartbeat at the start and then at each interval, until the command ends", async () => {
    const mark = join(folder, "third-heartbeat");
    const { settings, beats } = await newService((_request, _response, service) => {
      if (service.beats() === 3) writeFileSync(mark, "");
      return false;
    });
    const startedAt = Date.now();
    await cli(["exec", "--interval", "1", "--", "sh", "-c", untilMade(mark)], settings);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1900);
    expect(existsSync(mark)).toBe(true);
    expect(beats()).toBeGreaterThanOrEqual(3);
  });
});

describe.concurrent("a signal", () => {
  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("%s reaches the command; exec exits %i and reports the signal", async (signal, code) => {
    const { settings, reports } = await newService();
    const job = start(shell("echo ready; exec sleep 20"), settings);
    await job.until(/ready/);
    job.child.kill(signal);
    expect((await job.ended).code).toBe(code);
    expect(reports()).toMatchObject([{ status: "failed", error: `cancelled by ${signal}` }]);
  });

  test("leaves a command that handles it time to end, and the run is failed whatever the status", async () => {
    const { settings, reports } = await newService();
    const text =
      "process.on('SIGTERM', () => setTimeout(() => process.exit(0), 300)); console.log('ready'); setTimeout(() => {}, 20_000)";
    const job = start(script(text), settings);
    await job.until(/ready/);
    job.child.kill("SIGTERM");
    expect((await job.ended).code).toBe(0);
    expect(reports()).toMatchObject([{ status: "failed", error: "cancelled by SIGTERM" }]);
  });

  test("does not stop the report; a second signal, a second later, does", async () => {
    const { settings, reports } = await newService((request) => isReport(request));
    const job = start(shell(""), settings);
    while (reports().length === 0) await delay(20);
    job.child.kill("SIGTERM");
    await delay(1200);
    expect(job.child.exitCode).toBe(null);
    job.child.kill("SIGTERM");
    expect((await job.ended).code).toBe(143);
  });
});

const isBeat = ({ url }: IncomingMessage) => url?.endsWith("/heartbeat") === true;
const every = (text: string) => ["exec", "--interval", "1", "--", "sh", "-c", text];
/** A new path in the folder. */
let marks = 0;
const newMark = () => join(folder, `mark-${++marks}`);
/** A command that writes the mark once its traps are set, and then only waits. */
const waiting = (traps: string, mark: string) => `${traps} : >'${mark}'; ${AGES}`;
const ordered = (remainingMs: number, reason: string | null = null) => ({
  status: "running",
  deadlineAt: RUN.createdAt,
  cancel: { reason, requestedAt: RUN.createdAt, until: RUN.createdAt, remainingMs },
});

/**
 * A service that answers the heartbeats with these bodies, the last one again and again. A number is a refusal. It
 * begins once the command has written `mark`, or at once without one.
 */
function answering(mark: string | null, ...answers: readonly (object | number)[]): Promise<Service> {
  let beats = 0;
  return newService((request, response) => {
    const isReady = isBeat(request) && (mark === null || existsSync(mark));
    const answer = isReady ? answers[Math.min(++beats, answers.length) - 1] : undefined;
    if (answer === undefined) return false;
    if (typeof answer === "object") json(response, 200, answer);
    else json(response, answer, { error: "It was cancelled.", code: "run_cancelled" });
    return true;
  });
}

/** Whether a process runs. A process that has ended but is not reaped, as in some containers, does not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

const isLinux = process.platform === "linux";

test("a report that was too long says which part of it the service kept", async () => {
  const { settings } = await newService((request, response) => {
    if (!isReport(request)) return false;
    json(response, 200, { ...RUN, status: "succeeded", truncated: ["/output/tail"] });
    return true;
  });
  const { code, stderr } = await cli(shell("true"), settings);
  expect([code, stderr]).toEqual([
    0,
    "action-runs: The report was too long: /output/tail: the service kept only a part.\n",
  ]);
});

describe.concurrent("a cancel of the run", () => {
  test("ends the command by SIGTERM, and the run is reported as failed", async () => {
    const mark = newMark();
    const { settings, reports } = await answering(mark, ordered(60_000, "wrong branch"));
    const ended = await cli(every(`echo ready; : >'${mark}'; exec sleep 20`), settings);
    expect(ended).toMatchObject({ code: 143, stdout: "ready\n" });
    expect(ended.stderr).toBe(
      "action-runs: The run was cancelled: wrong branch. The command must end within 40 s.\n" +
        "action-runs: The run was cancelled: sh was ended by SIGTERM.\n",
    );
    const output = { exitCode: 143, tail: "ready\n" };
    expect(reports()).toEqual([{ status: "failed", error: "cancelled: sh was ended by SIGTERM", output }]);
  });

  test("ends a stubborn command by SIGKILL after two thirds of the time that is left", async () => {
    const mark = newMark();
    let orderedAt = 0;
    const { settings, reports } = await newService((request, response) => {
      if (!isBeat(request) || !existsSync(mark)) return false;
      // Each heartbeat says the same, and none of them puts SIGKILL off.
      if (orderedAt === 0) orderedAt = performance.now();
      json(response, 200, ordered(1800));
      return true;
    });
    const ended = await cli(every(waiting("trap '' TERM;", mark)), settings);
    expect(ended.code).toBe(137);
    expect(performance.now() - orderedAt).toBeGreaterThan(1190);
    expect(reports()).toMatchObject([{ status: "failed", error: "cancelled: sh was ended by SIGKILL" }]);
  });

  test("that leaves less time after a second request brings SIGKILL forward", async () => {
    const mark = newMark();
    const { settings, reports } = await answering(mark, ordered(3_600_000), ordered(30));
    expect((await cli(every(waiting("trap '' TERM;", mark)), settings)).code).toBe(137);
    expect(reports()).toHaveLength(1);
  });

  test("is a failure although the command traps SIGTERM and exits with 0; exec exits 8", async () => {
    const mark = newMark();
    const { settings, reports } = await answering(mark, ordered(60_000));
    const ended = await cli(every(waiting("trap 'echo tidy; exit 0' TERM;", mark)), settings);
    expect(ended).toMatchObject({ code: 8, stdout: "tidy\n" });
    expect(ended.stderr).toMatch(/\naction-runs: The run was cancelled: sh stopped when it was asked to\.\n$/);
    expect(reports()).toMatchObject([{ status: "failed", error: "cancelled: sh stopped when it was asked to" }]);
  });

  test("that only the report hears of is said, and exec exits 8, or with the status of a command that failed", async () => {
    for (const [script, code, how] of [
      ["echo done", 8, "sh exited with status 0"],
      ["exit 3", 3, "sh exited with status 3"],
    ] as const) {
      const { settings, reports } = await newService((request, response) => {
        if (isBeat(request)) return false;
        json(response, 409, { error: "It was cancelled.", code: "run_cancelled" });
        return true;
      });
      const ended = await cliHere(shell(script), settings);
      expect(ended).toMatchObject({ code, stderr: `action-runs: The run was cancelled: ${how}.\n` });
      expect(reports()).toHaveLength(1);
    }
  });

  test("that has already ended the run stops the command too, and the refused report is no fault", async () => {
    const { settings, reports } = await newService((request, response, service) => {
      if (isBeat(request) && service.beats() === 1) return false;
      json(response, 409, { error: "It was cancelled.", code: "run_cancelled" });
      return true;
    });
    const ended = await cli(every("exec sleep 20"), settings);
    expect(ended).toMatchObject({
      code: 143,
      stderr:
        "action-runs: The run was cancelled. The command must end within 10 s.\n" +
        "action-runs: The run was cancelled: sh was ended by SIGTERM.\n",
    });
    expect(reports()).toHaveLength(1);
  });

  test("reaches what the command started, and SIGKILL ends what ignores SIGTERM after the command is gone", async () => {
    const [tidyIsReady, ready, gotTerm] = [newMark(), newMark(), newMark()];
    const { settings } = await answering(ready, ordered(1800));
    const onceTidyIs = `${untilMade(tidyIsReady)}; echo "pid $$"; : >${ready};`;
    const stubborn = `trap '' TERM; ${onceTidyIs} ${AGES}`;
    const tidy = `sh -c 'trap "echo x >${gotTerm}; exit" TERM; : >${tidyIsReady}; ${AGES}'`;
    const job = start(every(`${tidy} & sh -c '${stubborn.replaceAll("'", `'\\''`)}' & wait`), settings);
    await job.until(/pid \d+/);
    const pid = Number(/pid (\d+)/.exec(job.printed())?.[1]);
    expect((await job.ended).code).toBe(143);
    expect(existsSync(gotTerm)).toBe(true);
    if (isLinux) expect(runs(pid)).toBe(false);
  });

  test("that is known before the start leaves the command alone; the run is reported as failed", async () => {
    const { settings, reports } = await answering(null, ordered(60_000, "wrong branch"));
    expect(await cliHere(shell("echo worked"), settings)).toEqual({
      code: 8,
      stdout: "",
      stderr: "action-runs: The command was not started, because the run was cancelled: wrong branch.\n",
    });
    expect(reports()).toEqual([{ status: "failed", error: "cancelled: the command was not started" }]);
    const over = await answering(null, 409);
    expect(await cliHere(shell("echo worked"), over.settings)).toMatchObject({ code: 8, stdout: "" });
    expect(over.reports()).toEqual([]);
  });

  test("does not stop a command because the run timed out", async () => {
    const mark = join(folder, "refused-heartbeat");
    const { settings, reports } = await newService((request, response, service) => {
      if (!isBeat(request) || service.beats() === 1) return false;
      json(response, 409, { error: "It is over.", code: "run_timed_out" });
      writeFileSync(mark, "");
      return true;
    });
    const ended = await cli(every(`${untilMade(mark)}; sleep 0.3`), settings);
    expect(ended.code).toBe(0);
    expect(reports()).toMatchObject([{ status: "succeeded" }]);
  });

  test("has a reason that is no command of a CI product", async () => {
    const { settings } = await answering(
      null,
      ordered(0, ":::stop-commands::x ##[error]y ##teamcity[blockOpened]z\x1b[2J"),
    );
    const { stderr } = await cliHere(shell("true"), settings);
    expect(stderr).toContain("stop-commands");
    expect(stderr).not.toMatch(/^\s*::|##\w*\[/m);
    expect(stderr).not.toContain("\x1b");
  });
});

describe.skipIf(!isLinux).concurrent("exec itself", () => {
  test("shows no credential in /proc, up to the process that was started", async () => {
    const { settings } = await newService();
    const parent = "sed -n 's/^PPid:\\t//p' /proc/$p/status";
    const walk = `p=$PPID; while [ $p != ${process.pid} ]; do tr '\\0' '\\n' </proc/$p/environ; p=$(${parent}); done`;
    const ended = await cli(shell(walk), { ...settings, ...CREDENTIALS, LAST: "is intact" });
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain(`CALLBACK_URL=${settings.CALLBACK_URL}\n`);
    expect(ended.stdout).toContain("LAST=is intact\n");
    for (const secret of ["nobody-else-sees", "secret-of-"]) expect(ended.stdout).not.toContain(secret);
  });

  test("opens no debugger if the command sends SIGUSR1", async () => {
    const { settings } = await newService();
    expect(await cli(shell("kill -USR1 $PPID"), settings)).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe.skipIf(!isLinux)("the command's process group", () => {
  const GROUP = 'read -r _ _ _ _ group _ </proc/$$/stat; [ "$group" = $$ ] && echo own || echo shared';

  test("is its own, so that a signal reaches what the command started", async () => {
    const { settings } = await newService();
    expect((await cli(shell(GROUP), settings)).stdout).toBe("own\n");
    const mark = join(folder, "signal-reached-grandchild");
    const tidy = `sh -c 'trap "echo x >${mark}; exit" TERM; echo ready; ${AGES}'`;
    const job = start(shell(`${tidy} & wait`), settings);
    await job.until(/ready/);
    job.child.kill("SIGTERM");
    expect((await job.ended).code).toBe(143);
    while (!existsSync(mark)) await delay(20);
  });

  test.skipIf(!hasTerminal)("is the terminal's on a terminal, where Ctrl-C reaches the command once", async () => {
    const { settings, reports } = await newService();
    const text = `${GROUP}; trap 'echo interrupted; exit 3' INT; echo ready; ${AGES}`;
    const line = `${COMMAND_LINE} exec -- sh -c '${text.replaceAll("'", `'\\''`)}'`;
    const terminal = new Terminal(line, cleanEnv({ ...settings, TERM: "dumb" }));
    await terminal.until(/ready/);
    terminal.type("\x03");
    await terminal.ended;
    expect(terminal.printed).toMatch(/^shared\r\nready\r\n(\^C)?interrupted\r\n$/);
    expect(reports()).toMatchObject([{ status: "failed", error: "cancelled by SIGINT" }]);
  });
});

describe.concurrent("the first heartbeat", () => {
  test.each([
    [401, "token_expired", 3],
    [409, "run_timed_out", 5],
    [404, "run_not_found", 4],
  ])("refused with %i %s: the command does not start, exit code %i", async (status, code, exit) => {
    const { settings, reports } = await newService((_, response) => {
      json(response, status, { error: "No.", code });
      return true;
    });
    const ended = await cliHere(shell("echo worked"), settings);
    expect(ended).toMatchObject({ code: exit, stdout: "" });
    expect(ended.stderr).toContain("The command was not started: No.");
    expect(reports()).toEqual([]);
  });

  test("answered by a proxy's page: the command starts, and its end is reported", async () => {
    const { settings, reports } = await newService((request, response) => {
      if (isReport(request)) return false;
      html(response, 404);
      return true;
    });
    const ended = await cliHere(shell("echo worked"), settings);
    expect(ended).toMatchObject({ code: 0, stdout: "worked\n" });
    expect(reports()).toHaveLength(1);
  });
});

describe.concurrent("a report", () => {
  test.each([
    ["succeeded", 0, 6],
    ["failed", 9, 9],
  ])("that can't be delivered for a command that %s: status %i becomes exit code %i", async (_, status, exit) => {
    const { settings, reports, reportKeys } = await newService((request) => {
      if (isReport(request)) request.socket.destroy();
      return isReport(request);
    });
    const ended = await cliHere(shell(`exit ${status}`), { ...settings, ACTION_RUNS_RETRIES: "1" });
    expect(ended.code).toBe(exit);
    expect(ended.stderr).toContain("The report failed:");
    expect(reports()).toHaveLength(2);
    expect(reportKeys().size).toBe(1);
  });

  test("that is refused because the run ended: exit code 5", async () => {
    const { settings } = await newService((request, response) => {
      if (isReport(request)) json(response, 409, { error: "It is over.", code: "run_timed_out" });
      return isReport(request);
    });
    expect((await cliHere(shell(""), settings)).code).toBe(5);
  });
});

describe.concurrent("--output-file", () => {
  const run = (settings: Settings, file: string, text: string) =>
    cliHere(["exec", "--output-file", file, "--", "sh", "-c", text], settings);

  test("adds what the command wrote to the exit status and the tail", async () => {
    const { settings, reports } = await newService();
    const file = join(folder, "written.json");
    const ended = await run(settings, file, `echo '{"url":"x"}' > '${file}'`);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ url: "x" });
    expect(reports()[0]?.output).toEqual({ exitCode: 0, tail: "", url: "x" });
  });

  test("is ignored with a message if it is an old file or not JSON", async () => {
    const { settings, reports } = await newService();
    const file = join(folder, "old.json");
    writeFileSync(file, '{"url":"stale"}');
    expect((await run(settings, file, "")).stderr).toContain("did not write");
    const nonsense = await run(settings, file, `echo '[1' > '${file}'`);
    expect(nonsense).toMatchObject({ code: 0 });
    expect(nonsense.stderr).toContain("does not hold a JSON object");
    for (const { output } of reports()) expect(output).toEqual({ exitCode: 0, tail: "" });
  });

  test("is left out of a second report if the service refuses it", async () => {
    const { settings, reports } = await newService((request, response, service) => {
      const isRefused = isReport(request) && service.reports().length === 1;
      if (isRefused) json(response, 413, { error: "Too large.", code: "body_too_large" });
      return isRefused;
    });
    const file = join(folder, "big.json");
    const ended = await run(settings, file, `echo '{"big":1}' > '${file}'`);
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain("without it: Too large.");
    expect(reports()[1]?.output).toEqual({ exitCode: 0, tail: "" });
  });
});
