/**
 * The work of a CI author, played to the end on the command line, on a server that goes away meanwhile, and on a real
 * terminal.
 */

import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cleanEnv, jobOf, jsonLines, type Settings, start } from "../../cli/command.ts";
import { cli } from "../../cli/in-process.ts";
import { settingsFor } from "../../cli/service.ts";
import { COMMAND_LINE, hasTerminal, Terminal } from "../../cli/terminal.ts";
import { type Installation, killAll, newInstallation } from "../installation.ts";
import { until } from "../until.ts";

let installation: Installation;
let settings: Settings;
beforeAll(async () => {
  installation = await newInstallation();
  settings = settingsFor(new URL(installation.runs).origin, { ACTION_RUNS_TOKEN: installation.token });
});
afterAll(() => installation?.remove());

const run = (...args: readonly string[]) => cli(args, settings);

async function jsonOf(...args: readonly string[]) {
  const { code, stdout, stderr } = await run(...args);
  expect([args, code, stderr]).toEqual([args, 0, ""]);
  return JSON.parse(stdout);
}

/** A command on a terminal of 80 columns. */
function onTerminal(command: string): Terminal {
  const line = `tty; stty cols 80 rows 30; ${COMMAND_LINE} ${command}`;
  return new Terminal(line, cleanEnv({ ...settings, TERM: "xterm", NO_COLOR: "1" }));
}

/** The lines that a command prints on a terminal, after the terminal's name. */
async function linesOf(command: string): Promise<readonly string[]> {
  const terminal = onTerminal(command);
  await terminal.ended;
  return stripVTControlCharacters(terminal.printed).trimEnd().split("\r\n").slice(1);
}

test.skipIf(!hasTerminal)(
  "a job fails, the author finds out why, and tries again with one other parameter",
  async () => {
    const first = await installation.start();
    expect(await jsonOf("whoami")).toMatchObject({ name: "root", role: "owner", project: null });

    // A run that nothing starts: the output says who must.
    const given = ["-p", "version=1.4.2", "-p", "dryRun:=true", "-p", "build:=9007199254740992"];
    const labels = ["--label", "team:shop", "--idempotency-key", "pipeline-7"];
    const told = await run("create", "deploy", ...given, ...labels, "--no-json");
    expect(told.stdout).toContain("Start the job yourself, with the callback as CALLBACK_URL");
    const created = await jsonOf("create", "deploy", ...given, ...labels);

    // Somebody watches. The server goes away and comes back, and the run goes on.
    const watching = start(["watch", created.id, "--json"], settings);
    // A colleague watches all runs.
    const all = ["watch", "--json", "--after", "0", "--label", "team:shop"];
    const watchingAll = start(all, settings);
    await watchingAll.until(/"pending"/);
    expect((await cli(["heartbeat", "--progress", "40%", "-m", "checking"], jobOf(created))).code).toBe(0);
    await watching.until(/"progress":0.4/);
    await watchingAll.until(/"running"/);
    await killAll(first);
    await watching.until(/The server can't answer now, so the command waits for it/);
    await watchingAll.until(/The server can't answer now, so the command waits for it/);
    await installation.start();
    const script = [
      "echo '0 failed so far'; echo 'Error: shop-42 is not healthy';",
      "echo '    at Rollout (/app/rollout.js:10:3)'; exit 3",
    ];
    const job = await cli(["exec", "--", "sh", "-c", script.join("")], jobOf(created));
    expect(job).toMatchObject({ code: 3, stderr: "" });
    const watched = await watching.ended;
    expect(watched.code).toBe(1);
    const events = jsonLines(watched.stdout);
    expect(events.map(({ type }) => type)).toEqual(["created", "started", "heartbeat", "ended"]);
    expect(new Set(events.map(({ seq }) => seq)).size).toBe(events.length);
    await watchingAll.until(/"failed"/);
    watchingAll.child.kill("SIGINT");
    const changes = jsonLines((await watchingAll.ended).stdout);
    expect(changes.map(({ id, status }) => [id === created.id, status])).toEqual([
      [true, "pending"],
      [true, "running"],
      [true, "failed"],
    ]);

    // Why it failed: the line that says so, and the log as lines.
    const error = "sh exited with status 3: Error: shop-42 is not healthy";
    expect(await jsonOf("get", created.id)).toMatchObject({ status: "failed", error, output: { exitCode: 3 } });
    expect(await run("get", created.id, "--output", "tail")).toMatchObject({ code: 0, stdout: job.stdout });
    const short = created.id.slice(-8);
    const shown = await linesOf(`get ${short}`);
    expect(shown).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^completed: .*, ran /),
        '                   "tail": |',
        "                     0 failed so far",
        `error:           ${error}`,
      ]),
    );

    // Again, with one other parameter. A script needs the whole id, and a terminal does not.
    expect(await run("retry", short, "-p", "version=1.4.3")).toMatchObject({ code: 2, stdout: "" });
    const retried = await linesOf(`retry ${short} -p version=1.4.3 --json`);
    const again = JSON.parse(retried.join(""));
    const parameters = { version: "1.4.3", dryRun: true, build: 9_007_199_254_740_992 };
    expect(again).toMatchObject({ status: "pending", parameters });

    await cli(["report", "succeeded"], jobOf(again));

    // Ctrl-C stops the next watch, and leaves no bar where the shell prints its prompt.
    const third = await jsonOf("create", "deploy", "--label", "team:shop");
    const stopped = onTerminal(`watch ${third.id}`);
    await cli(["heartbeat", "--progress", "50%"], jobOf(third));
    await stopped.until(/50 %/);
    stopped.type("\x03");
    expect([await stopped.ended, stopped.printed.replace("^C", "").endsWith("\r\x1b[J")]).toEqual([130, true]);

    // What there was since yesterday, in 80 columns.
    const list = await linesOf("list --since yesterday --label team:shop");
    expect(list[0]).toMatch(/^RUN +STATUS +AGE +TOOK +BY +ACTION +ERROR$/);
    expect(list.slice(1).map((line) => line.slice(0, 8))).toEqual(
      [third.id, again.id, created.id].map((id: string) => id.slice(-8)),
    );
    expect(list.at(-1)).toMatch(/ failed +\d+\w +[\dm .]+s +root +deploy +sh exited with status 3: Err/);
    for (const line of list) expect(stringWidth(line)).toBeLessThanOrEqual(80);
    await until("the database counts every run", async () => {
      const { running, succeeded, failed } = await jsonOf("summary", "--since", "1h");
      return running === 1 && succeeded === 1 && failed === 1;
    });

    // What is only a part of an error, and what differs between two versions of an action.
    const found = await jsonOf("list", "--text", "shop-42 is NOT", "--since", "yesterday 00:00", "--until", "today");
    expect(found.map(({ id }: { id: string }) => id)).toEqual([created.id]);
    const scale = { parametersSchema: { properties: { replicas: { type: "integer" } } } };
    for (const more of [{}, { timeout: 5 }]) {
      const definition = JSON.stringify({ ...scale, ...more });
      expect(await run("action", "put", "scale", "--body", definition)).toMatchObject({ code: 0 });
    }
    expect((await linesOf("action versions scale"))[1]).toMatch(/^\d+ +20\S+ +root +timeout$/);
    const scaled = await jsonOf("action", "run", "scale", "-p", "replicas=2", "-p", "version=1.10");
    expect(scaled.parameters).toEqual({ replicas: 2, version: "1.10" });
    expect(await run("action", "run", "scale", "-p", "replicas=two")).toMatchObject({ code: 2, stdout: "" });

    // The log of a job whose run was cancelled ends with that.
    const working = start(["exec", "--interval", "1", "--", "sleep", "60"], jobOf(scaled));
    await until("the job has begun", async () => (await jsonOf("get", scaled.id)).status === "running");
    expect(await run("cancel", scaled.id, "--reason", "too many")).toMatchObject({ code: 0 });
    const { code, stderr } = await working.ended;
    expect([code, stderr.split("\n").at(-2)]).toEqual([
      143,
      "action-runs: The run was cancelled: sleep was ended by SIGTERM.",
    ]);
    expect(await jsonOf("get", scaled.id)).toMatchObject({ status: "cancelled" });

    // Tab knows what is there, and errors name the options that exist.
    expect((await run("suggest", "labels", "te")).stdout).toBe("team:shop\n");
    expect((await run("suggest", "action names", "de")).stdout).toBe("deploy\n");
    expect((await run("suggest", "creators", "r")).stdout).toBe("");
    const refused = await run("list", "--entity-id", "never");
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/^action-runs: --entity-id: /) });
    expect((await run("list", "--help")).stdout).toMatch(/--since <when>.*--created-after <time>/s);
  },
);
