/** Completion: each command and option that the parser knows is offered where it can come, and nothing else. */

import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import type { CliCommand } from "../../src/cli/command.ts";
import { completionScript } from "../../src/cli/completion.ts";
import { createProgram } from "../../src/cli/program.ts";

const has = (shell: string) => spawnSync(shell, ["-c", ":"]).status === 0;

/** What bash would offer for the last of `words`. */
function offered(...words: readonly string[]): readonly string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const text = `${completionScript("bash", createProgram())}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _action_runs; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const shell = spawnSync("bash", ["-u", "-c", text], { encoding: "utf8" });
  expect(shell.stderr).toBe("");
  return shell.stdout.split("\n").filter((line) => line !== "");
}

describe.skipIf(!has("bash"))("bash", () => {
  test.each([
    [["cre"], ["create"]],
    [
      ["token", ""],
      ["create", "list", "revoke", "help", "--help"],
    ],
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
  ])("offers for %j: %j", (words, expected) => {
    expect([...offered("action-runs", ...words)].sort()).toEqual([...expected].sort());
  });

  test("offers every option of every command", () => {
    for (const [route, command] of commands(createProgram() as CliCommand, [])) {
      const flags = command.options.filter(({ hidden }) => !hidden).map(({ long }) => long);
      expect(offered("action-runs", ...route, "--")).toEqual(expect.arrayContaining(flags));
    }
  });
});

test("is the same script from the command itself", () => {
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
  const printed = spawnSync(process.execPath, [main, "completion", "bash"], { encoding: "utf8" });
  expect(printed).toMatchObject({ status: 0, stdout: `${completionScript("bash", createProgram())}\n` });
});

test.skipIf(!has("zsh"))("zsh: the script is one that zsh can read", () => {
  const shell = spawnSync("zsh", ["-n"], {
    input: completionScript("zsh", createProgram()),
    encoding: "utf8",
  });
  expect(shell).toMatchObject({ status: 0, stderr: "" });
});

test("zsh: names every command", () => {
  const script = completionScript("zsh", createProgram());
  for (const [route] of commands(createProgram() as CliCommand, []))
    expect(script).toContain(`' ${route.join(" ")}')`);
});

function* commands(
  command: CliCommand,
  route: readonly string[],
): Generator<[readonly string[], CliCommand]> {
  for (const child of command.commands as readonly CliCommand[]) {
    yield [[...route, child.name()], child];
    yield* commands(child, [...route, child.name()]);
  }
}
