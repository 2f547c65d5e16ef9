/** Completion offers each command and option where the parser accepts it, and nothing else. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CliCommand } from "../../../src/cli/command.ts";
import { completionScript } from "../../../src/cli/commands/completion.ts";

import { createProgram } from "../../../src/cli/program.ts";
import { cli } from "../in-process.ts";
import { badServer, json } from "../misbehaving.ts";
import { settingsFor } from "../service.ts";
import { hasTerminal, Terminal } from "../terminal.ts";

const has = (shell: string) => spawnSync(shell, ["-c", ":"]).status === 0;

const BASH = completionScript("bash", createProgram());

/** What one bash offers for the last word of each line. */
function offers(lines: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const asked = lines.map((words) => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; COMP_LINE='${words.join(" ")}'; COMP_POINT=\${#COMP_LINE}
COMPREPLY=(); _action_runs action-runs "\${COMP_WORDS[COMP_CWORD]}"; printf '%s\\n' "\${COMPREPLY[@]}"; printf '\\0'`;
  });
  const shell = spawnSync("bash", ["-u", "-c", [BASH, ...asked].join("\n")], { encoding: "utf8" });
  expect(shell.stderr).toBe("");
  const answers = shell.stdout.split("\0").slice(0, -1);
  expect(answers).toHaveLength(lines.length);
  return answers.map((answer) => answer.split("\n").filter((line) => line !== ""));
}

describe.skipIf(!has("bash"))("bash", () => {
  test.each([
    [["cre"], ["create"]],
    [
      ["token", ""],
      ["create", "list", "rotate", "revoke", "exchange", "help", "--help"],
    ],
    [
      ["action", ""],
      ["put", "get", "list", "versions", "delete", "run", "preview", "test", "inbound", "inbound-try"].concat([
        "rotate-secret",
        "help",
        "--help",
      ]),
    ],
    [
      ["schedule", ""],
      ["put", "get", "list", "versions", "delete", "status", "run", "help", "--help"],
    ],
    [
      ["webhook", "re"],
      ["resend", "recover"],
    ],
    [
      ["webhook", "deliveries", "chat", "--state", ""],
      ["waiting", "delivered", "failed"],
    ],
    [
      ["cancel", "x", "--re"],
      ["--reason", "--retries", "--request-timeout"],
    ],
    [["action", "put", "deploy", "--body", ""], ["@"]],
    [["help", "cre"], ["create"]],
    [["completion", "z"], ["zsh"]],
    [
      ["list", "--status", ""],
      ["pending", "running", "succeeded", "failed", "cancelled"],
    ],
    [["list", "--status", "failed", "--status", "r"], ["running"]],
    [["token", "create", "ci", "--role", "o"], ["owner"]],
    [["list", "--org", ""], []],
    [
      ["list", "--org", "token", "--cr"],
      ["--created-after", "--created-before"],
    ],
    [["exec", "--", ""], []],
    [
      ["report", "suc"],
      ["succeeded", "success"],
    ],
    [
      ["report", "f"],
      ["failed", "failure"],
    ],
    [["create", "deploy", "--body", ""], ["@"]],
    [["create", "deploy", "--body", "{"], []],
  ])("for %j offers %j", (words, expected) => {
    const [offered = []] = offers([["action-runs", ...words]]);
    expect([...offered].sort()).toEqual([...expected].sort());
  });

  test("offers every option of every command", () => {
    const all = [...commands(createProgram() as CliCommand, [])];
    const offered = offers(all.map(([route]) => ["action-runs", ...route, "--"]));
    for (const [index, [route, command]] of all.entries()) {
      const flags = command.options.filter(({ hidden }) => !hidden).map(({ long }) => long);
      expect([route, offered[index]]).toEqual([route, expect.arrayContaining(flags)]);
    }
  });
});

/** What the service of the shells below has. */
const VALUES = {
  labels: ["team:shop", 'xy$(touch made);`touch made` "it\'s"'],
  "action names": ["deploy now"],
  "stored actions": ["rollout"],
  "webhook endpoints": ["pager"],
  creators: ["ci-bot"],
};
const SHELLS = {
  bash: { command: "bash --norc --noprofile -i", prelude: (file: string) => `source ${file}` },
  zsh: { command: "zsh -f -i", prelude: (file: string) => `autoload -U compinit; compinit -D -u; source ${file}` },
};

describe.each(["bash", "zsh"] as const)("typed into %s", (name) => {
  const isThere = has(name) && hasTerminal;
  let home: string;
  let shell: Shell;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "action-runs-completion-"));
    const folder = join(home, ".config", "action-runs");
    mkdirSync(folder, { recursive: true });
    for (const profile of ["default", "staging"]) writeFileSync(join(folder, `${profile}.json`), "{}");
    writeFileSync(join(folder, "$(touch made).json"), "{}");
    mkdirSync(join(home, "inputs"));
    writeFileSync(join(home, "inputs", "parameters of mine.json"), "{}");
    for (const [what, values] of Object.entries(VALUES)) {
      writeFileSync(join(home, `values of ${what}`), values.map((value) => `${value}\n`).join(""));
    }
    writeFileSync(join(home, "script"), completionScript(name, createProgram()));
    if (isThere) shell = await interactive(name, home);
    return async () => {
      if (isThere) await shell.end();
      rmSync(home, { recursive: true });
    };
  });

  test.skipIf(!isThere).each([
    ["report succ\teded", ["report", "succeeded"]],
    ["report canc\t", ["report", "cancel"]],
    ["report ab\t", ["report", "aborted"]],
    ["list --status fa\t", ["list", "--status", "failed"]],
    ["list --status=fa\t", ["list", "--status=failed"]],
    ["token create ci --role=ow\t", ["token", "create", "ci", "--role=owner"]],
    ["list --profile st\t", ["list", "--profile", "staging"]],
    ["list --profile=st\t", ["list", "--profile=staging"]],
    ["create deploy --body @inp\tpar\t", ["create", "deploy", "--body", "@inputs/parameters of mine.json"]],
    ["create deploy --body=@inp\tpar\t", ["create", "deploy", "--body=@inputs/parameters of mine.json"]],
    ["report failed --error \tinp\tpar\t", ["report", "failed", "--error", "@inputs/parameters of mine.json"]],
    ["list --prof\tsta\t", ["list", "--profile", "staging"]],
    ["list --label tea\t", ["list", "--label", "team:shop"]],
    ["list --label=tea\t", ["list", "--label=team:shop"]],
    ["list --label team:s\t", ["list", "--label", "team:shop"]],
    ["summary --label xy\t", ["summary", "--label", 'xy$(touch made);`touch made` "it\'s"']],
    ["list --label t\t", ["list", "--label", "t"]],
    ["create de\t", ["create", "deploy now"]],
    ["action run ro\t", ["action", "run", "rollout"]],
    ["webhook test pa\t", ["webhook", "test", "pager"]],
    ["list --triggered-by ci\t", ["list", "--triggered-by", "ci-bot"]],
  ])("%j becomes %j", async (line, words) => {
    expect(await shell.typed(line)).toEqual(words);
    expect(existsSync(join(home, "made"))).toBe(false);
  });

  test.skipIf(!isThere)("asks in the environment that the line names, quickly, and never another server", async () => {
    await shell.typed("list --profile staging --env=qa --url http://other --label tea\t");
    const asked = readFileSync(join(home, "asked"), "utf8");
    expect(asked).toBe("suggest labels tea --retries 0 --request-timeout 2 --profile staging --env=qa\n");
  });
});

interface Shell {
  /** Types a line with tabs, and returns the arguments after completion. */
  typed(line: string): Promise<readonly string[]>;
  end(): Promise<void>;
}

/** An interactive shell with the completion. Its start takes a second, so one shell gets all lines. */
async function interactive(name: keyof typeof SHELLS, home: string): Promise<Shell> {
  const { command, prelude } = SHELLS[name];
  const env = { PATH: process.env.PATH, HOME: home, TERM: "dumb", PS1: "$ ", HISTFILE: "/dev/null" };
  const terminal = new Terminal(command, env, home);
  const type = (line: string, pattern: RegExp) => {
    terminal.type(`${line}\r`);
    return terminal.until(pattern);
  };
  const shown = `printf '<%s>' "$@"; echo '|'`;
  const setUp = `action-runs() { if [[ $1 == suggest ]]; then echo "$@" > asked; cat "values of $2"; return; fi; ${shown}; }; echo rea''dy`;
  await type(`${prelude(join(home, "script"))}; ${setUp}`, /^ready/m);
  return {
    typed: async (line) => (await type(`action-runs ${line}`, /^(<.*>)\|/m)).slice(1, -1).split("><"),
    // The shell ends by itself, because a killed shell may still write into its home.
    end: async () => {
      terminal.type("exit\r");
      await terminal.ended;
    },
  };
}

test("`action-runs completion` prints the same script", () => {
  const main = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
  const printed = spawnSync(process.execPath, [main, "completion", "bash"], { encoding: "utf8" });
  expect(printed).toMatchObject({ status: 0, stdout: `${BASH}\n` });
});

test.skipIf(!has("zsh"))("zsh can parse the zsh script", () => {
  const shell = spawnSync("zsh", ["-n"], { input: completionScript("zsh", createProgram()), encoding: "utf8" });
  expect(shell).toMatchObject({ status: 0, stderr: "" });
});

test("the zsh script names every command", () => {
  const script = completionScript("zsh", createProgram());
  for (const [route] of commands(createProgram() as CliCommand, [])) expect(script).toContain(`' ${route.join(" ")}')`);
});

function* commands(command: CliCommand, route: readonly string[]): Generator<[readonly string[], CliCommand]> {
  for (const child of command.commands as readonly CliCommand[]) {
    yield [[...route, child.name()], child];
    yield* commands(child, [...route, child.name()]);
  }
}

const FACETS: Readonly<Record<string, readonly string[]>> = {
  actionName: ["delete it", "deploy", "undeploy"],
  label: ["latest", "team:\x1b[2J", "team:a\nb", "team:shop"],
  triggeredBy: ["Ci", "ci-bot", "root"],
};
const server = await badServer(({ url = "" }, response) => {
  const { pathname, searchParams } = new URL(url, "http://service");
  if (pathname.endsWith("/actions")) {
    return json(response, 200, [{ name: "rollout" }, { name: "deploy-all" }]);
  }
  if (pathname.endsWith("/schedules")) {
    return json(response, 200, [{ name: "nightly" }, { name: "hourly" }]);
  }
  if (pathname.endsWith("/webhook-endpoints")) {
    return json(response, 200, [{ name: "pager" }, { name: "chat" }, { name: "changes" }]);
  }
  if (pathname.endsWith("/pauses")) {
    return json(response, 200, [{ group: "-environment" }, { group: "deploys" }, { group: "demos" }]);
  }
  if (pathname.endsWith("/concurrency-groups")) {
    return json(response, 200, [{ group: "deploys", key: "a" }, { group: "deploys", key: "b" }, { group: "dev" }]);
  }
  const all = FACETS[searchParams.get("field") ?? ""] ?? [];
  const contains = searchParams.get("contains")?.toLowerCase() ?? "";
  const values = all.filter((value) => value.toLowerCase().includes(contains));
  return json(response, 200, { values, more: false });
});
afterAll(() => server.close());

const settings = settingsFor(server.url);

test.each([
  ["labels", "te", "team:shop\n"],
  ["action names", "de", "delete it\ndeploy\ndeploy-all\n"],
  ["stored actions", "de", "deploy-all\n"],
  ["schedules", "ni", "nightly\n"],
  ["webhook endpoints", "ch", "changes\nchat\n"],
  ["creators", "ci", "ci-bot\n"],
  ["concurrency groups", "de", "demos\ndeploys\ndev\n"],
  ["labels", "xy", ""],
])("suggest %j %j prints %j", async (what, begin, stdout) => {
  expect(await cli(["suggest", what, begin], settings)).toEqual({ code: 0, stdout, stderr: "" });
});

test("one character asks for nothing, and a problem prints nothing", async () => {
  const before = server.requests.length;
  expect(await cli(["suggest", "labels", "t"], settings)).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(server.requests).toHaveLength(before);
  const elsewhere = { ...settings, ACTION_RUNS_URL: "http://127.0.0.1:9" };
  expect(await cli(["suggest", "labels", "te"], elsewhere)).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await cli(["suggest", "labels", "te"], {})).toEqual({ code: 0, stdout: "", stderr: "" });
});
