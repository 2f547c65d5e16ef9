/** The help: each command has examples, and each option with a value has a variable. */

import { describe, expect, test } from "vitest";
import type { CliCommand } from "../../src/cli/command.ts";
import { createProgram } from "../../src/cli/program.ts";
import { cli } from "./in-process.ts";

function all(command: CliCommand, route: readonly string[]): [string, CliCommand][] {
  return (command.commands as readonly CliCommand[]).flatMap((child) => {
    const below = [...route, child.name()];
    return [[below.join(" "), child] as [string, CliCommand], ...all(child, below)];
  });
}

const COMMANDS = all(createProgram(), []);

describe.each(COMMANDS)("%s", (route, command) => {
  test("--help prints examples of this command to stdout and exits 0", async () => {
    const ended = await cli([...route.split(" "), "--help"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toMatch(new RegExp(`^Examples:[^]*action-runs ${route}`, "m"));
  });

  test("has a variable for each option with a value, and no option for a token", () => {
    for (const { required, envVar, long } of command.options) {
      expect(long).not.toBe("--token");
      if (required) expect(envVar).toMatch(/^(ACTION_RUNS|CALLBACK)_[A-Z_]+$/);
    }
    const variables = command.options.flatMap(({ envVar }) => envVar ?? []);
    expect(new Set(variables).size).toBe(variables.length);
  });
});

test("exec sends a heartbeat every 15 seconds, unless told otherwise", () => {
  const [, exec] = COMMANDS.find(([route]) => route === "exec") ?? [];
  expect(exec?.options.find(({ long }) => long === "--interval")?.defaultValue).toBe(15);
});

test("action-runs --help lists the exit codes, --version prints the version, and no command is a usage error", async () => {
  const help = await cli(["--help"]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 8]) expect(help.stdout).toMatch(new RegExp(`^  ${code}  `, "m"));
  expect((await cli(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const none = await cli([]);
  expect(none).toMatchObject({ code: 2, stdout: "" });
  expect(none.stderr).toContain("Usage:");
});
