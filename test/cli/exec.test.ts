/** `exec`: what a CI job gets when its command runs under it, and what the run gets told. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { cleanEnv, cli, MAIN, type Settings, start } from "./command.ts";
import { type BadServer, badServer, html, json, RUN } from "./misbehaving.ts";

const TOKEN = "a-callback-token-that-nobody-else-sees";
const NODE = process.execPath;
let server: BadServer | undefined;
afterEach(() => server?.close());

/** A service that takes all, but for what `answer` answers itself. */
async function service(
  answer: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
): Promise<Settings> {
  server = await badServer((request, response) => {
    if (!answer(request, response)) json(response, 200, RUN);
  });
  return {
    CALLBACK_URL: `${server.url}/acme/shop/envs/prod/action-runs/${RUN.id}/callback`,
    CALLBACK_TOKEN: TOKEN,
  };
}

const isReport = ({ url }: IncomingMessage) => url?.endsWith("/callback") === true;
const beats = () => server?.requests.filter(({ line }) => line.endsWith("/heartbeat")) ?? [];
const reports = () =>
  server?.requests.filter(({ line }) => line.endsWith("/callback")).map(({ body }) => JSON.parse(body)) ?? [];
const script = (text: string) => ["exec", "--", NODE, "-e", text];

describe("a command", () => {
  test("that succeeds exits 0, its output passed through untouched and its tail reported", async () => {
    const settings = await service();
    const text =
      "process.stdout.write('o\\x1b[31mut\\n'); process.stderr.write('err'); process.stdin.pipe(process.stdout)";
    const ended = await cli(script(text), settings, "from stdin");
    expect(ended).toEqual({ code: 0, stdout: "o\x1b[31mut\nfrom stdin", stderr: "err" });
    expect(beats()).toHaveLength(1);
    expect(reports()).toEqual([
      { status: "succeeded", output: { exitCode: 0, tail: expect.stringContaining("from stdin") } },
    ]);
    expect(reports()[0].output.tail).not.toContain("\x1b");
  });

  test("that fails exits with its status, which the run is told with the last line", async () => {
    const ended = await cli(script("console.log('1 test failed'); process.exit(37)"), await service());
    expect(ended).toEqual({ code: 37, stdout: "1 test failed\n", stderr: "" });
    const error = "node exited with status 37: 1 test failed";
    expect(reports()).toEqual([
      { status: "failed", error, output: { exitCode: 37, tail: "1 test failed\n" } },
    ]);
  });

  test.each([
    ["/no/such/command", 127, "command could not be started: there is no such command"],
    [tmpdir(), 126, "tmp could not be started: the system says EACCES"],
  ])("%s that can't be started exits as in a shell, and the run is told", async (command, code, error) => {
    expect((await cli(["exec", "--", command], await service())).code).toBe(code);
    expect(reports()).toMatchObject([{ status: "failed", error }]);
  });

  test("that a signal ends from elsewhere exits with 128 and its number", async () => {
    const ended = await cli(script("process.kill(process.pid, 'SIGKILL')"), await service());
    expect(ended.code).toBe(137);
    expect(reports()).toMatchObject([{ status: "failed", error: "node was ended by SIGKILL" }]);
  });

  test("gets its own options, whatever they look like, with or without --", async () => {
    const settings = await service();
    const text = "console.log(process.argv.slice(1).join())";
    for (const dashes of [["--"], []]) {
      const ended = await cli(["exec", ...dashes, NODE, "-e", text, "--", "--interval", "--help"], settings);
      expect(ended).toMatchObject({ code: 0, stdout: "--interval,--help\n" });
    }
  });

  test("does not see the token, unless it is left to it; then the tail does not show it", async () => {
    const settings = await service();
    const text = "console.log(process.env.CALLBACK_TOKEN, process.env.CALLBACK_URL !== undefined)";
    expect((await cli(script(text), settings)).stdout).toBe("undefined true\n");
    const kept = await cli(["exec", "--keep-token", "--", NODE, "-e", text], settings);
    expect(kept.stdout).toBe(`${TOKEN} true\n`);
    expect(reports()[1].output.tail).toBe("*** true\n");
  });

  test("that prints a lot is passed through whole, with the last 4 KiB reported in whole characters", async () => {
    const ended = await cli(script("process.stdout.write('é'.repeat(3_000_000) + 'end')"), await service());
    expect(ended.stdout).toBe(`${"é".repeat(3_000_000)}end`);
    const { tail } = reports()[0].output;
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(4096);
    expect(Buffer.byteLength(tail)).toBeGreaterThan(4090);
    expect(tail).toMatch(/^é+end$/);
  });

  test("that leaves a process behind with its output open does not keep exec", async () => {
    const ended = start(["exec", "--", "sh", "-c", "sleep 20 & echo started"], await service());
    await ended.until(/started/);
    const at = Date.now();
    await new Promise((resolve) => ended.child.on("exit", resolve));
    expect(Date.now() - at).toBeLessThan(5000);
    expect(reports()).toHaveLength(1);
  });

  test("that is gone before its slow reader has read it all is still passed through whole", async () => {
    const printing = `"${NODE}" "${MAIN}" exec -- head -c 300000 /dev/zero`;
    // Reads nothing, then a little, then nothing again.
    const line = `${printing} | (sleep 1.5; head -c 100000 > /dev/null; sleep 1.5; wc -c)`;
    const settings = await service();
    const shell = spawn("sh", ["-c", line], {
      env: cleanEnv(settings),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [[chunk]] = (await Promise.all([once(shell.stdout, "data"), once(shell, "close")])) as [
      [Buffer],
      unknown,
    ];
    expect(Number(chunk)).toBe(200_000);
    expect(reports()).toHaveLength(1);
  });

  test("that leaves a chatterer behind does not keep exec", async () => {
    const job = start(["exec", "--", "sh", "-c", "timeout 20 yes & echo started"], await service());
    const [code] = (await once(job.child, "exit")) as [number];
    expect(code).toBe(0);
    expect(reports()).toHaveLength(1);
  });

  test("is beaten for while it runs, one beat at a time", async () => {
    const settings = await service();
    await cli(["exec", "--interval", "1", "--", NODE, "-e", "setTimeout(() => {}, 2500)"], settings);
    expect(beats().length).toBeGreaterThanOrEqual(3);
    expect(beats().length).toBeLessThanOrEqual(4);
  });
});

describe("a signal", () => {
  test.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("%s is passed on; exits %i and the run is told who cancelled", async (signal, code) => {
    const job = start(script("console.log('ready'); setTimeout(() => {}, 20_000)"), await service());
    await job.until(/ready/);
    job.child.kill(signal);
    expect((await job.ended).code).toBe(code);
    expect(reports()).toMatchObject([{ status: "failed", error: `cancelled by ${signal}` }]);
  });

  test("that the command handles leaves it its own time and status, and is a failure all the same", async () => {
    const text =
      "process.on('SIGTERM', () => setTimeout(() => process.exit(0), 300)); console.log('ready'); setTimeout(() => {}, 20_000)";
    const job = start(script(text), await service());
    await job.until(/ready/);
    job.child.kill("SIGTERM");
    expect((await job.ended).code).toBe(0);
    expect(reports()).toMatchObject([{ status: "failed", error: "cancelled by SIGTERM" }]);
  });

  test("while the report is on its way does not stop it; a second one, later, does", async () => {
    const job = start(script(""), await service((request) => isReport(request)));
    while (reports().length === 0) await delay(20);
    job.child.kill("SIGTERM");
    await delay(1200);
    expect(job.child.exitCode).toBe(null);
    job.child.kill("SIGTERM");
    expect((await job.ended).code).toBe(143);
  });
});

describe("the first heartbeat", () => {
  test.each([
    [401, "token_expired", 3],
    [409, "run_timed_out", 5],
    [404, "run_not_found", 4],
  ])("refused with %i %s: the command is not started, exit code %i", async (status, code, exit) => {
    const settings = await service((_, response) => {
      json(response, status, { error: "No.", code });
      return true;
    });
    const ended = await cli(script("console.log('worked')"), settings);
    expect(ended).toMatchObject({ code: exit, stdout: "" });
    expect(ended.stderr).toContain("The command was not started: No.");
    expect(reports()).toEqual([]);
  });

  test("lost to a proxy's page: the command is started, and its end reported", async () => {
    const settings = await service((request, response) => {
      if (isReport(request)) return false;
      html(response, 404);
      return true;
    });
    const ended = await cli(script("console.log('worked')"), settings);
    expect(ended).toMatchObject({ code: 0, stdout: "worked\n" });
    expect(reports()).toHaveLength(1);
  });
});

describe("a report", () => {
  const lost = () =>
    service((request, response) => {
      if (isReport(request)) request.socket.destroy();
      return isReport(request) && response !== null;
    });

  test.each([
    ["succeeded", 0, 6],
    ["failed", 9, 9],
  ])("that can't be delivered of a command that %s exits %i → %i, and says so", async (_, status, exit) => {
    const settings = { ...(await lost()), ACTION_RUNS_RETRIES: "1" };
    const ended = await cli(script(`process.exit(${status})`), settings);
    expect(ended.code).toBe(exit);
    expect(ended.stderr).toContain("The report failed:");
    expect(reports()).toHaveLength(2);
    const keys = server?.requests
      .filter(({ line }) => line.endsWith("/callback"))
      .map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys).size).toBe(1);
  });

  test("that is refused because the run ended exits 5", async () => {
    const settings = await service((request, response) => {
      if (isReport(request)) json(response, 409, { error: "It is over.", code: "run_timed_out" });
      return isReport(request);
    });
    expect((await cli(script(""), settings)).code).toBe(5);
  });
});

describe("--output-file", () => {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-exec-"));
  const file = join(folder, "result.json");
  afterAll(() => rmSync(folder, { recursive: true }));
  const run = (settings: Settings, text: string) =>
    cli(["exec", "--output-file", file, "--", NODE, "-e", text], settings);

  test("is what the command wrote, beside exit status and tail", async () => {
    const settings = await service();
    const ended = await run(settings, `require('fs').writeFileSync(${JSON.stringify(file)}, '{"url":"x"}')`);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ url: "x" });
    expect(reports()[0].output).toEqual({ exitCode: 0, tail: "", url: "x" });
  });

  test("left over from before, or no JSON, is left out and said", async () => {
    const settings = await service();
    writeFileSync(file, '{"url":"stale"}');
    expect((await run(settings, "")).stderr).toContain("did not write");
    const nonsense = await run(settings, `require('fs').writeFileSync(${JSON.stringify(file)}, '[1')`);
    expect(nonsense).toMatchObject({ code: 0 });
    expect(nonsense.stderr).toContain("does not hold a JSON object");
    for (const { output } of reports()) expect(output).toEqual({ exitCode: 0, tail: "" });
  });

  test("that the service does not take is left out, for the end matters more", async () => {
    const settings = await service((request, response) => {
      const isRefused = isReport(request) && reports().length === 1;
      if (isRefused) json(response, 413, { error: "Too large.", code: "body_too_large" });
      return isRefused;
    });
    const ended = await run(settings, `require('fs').writeFileSync(${JSON.stringify(file)}, '{"big":1}')`);
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain("without it: Too large.");
    expect(reports()[1].output).toEqual({ exitCode: 0, tail: "" });
  });
});
