/** The help: each command has examples, each option with a value has a variable, and it fits a terminal. */

import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import type { CliCommand } from "../../../src/cli/command.ts";
import { reflow } from "../../../src/cli/output.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { cli } from "../in-process.ts";

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
  expect(exec?.options.find(({ long }) => long === "--interval")?.description).toMatch(
    /\(default: 15, and 5 while somebody watches the run\)$/,
  );
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

/** The help of each command, as a terminal of this width shows it. */
function helps(columns: number): readonly string[] {
  return [createProgram(), ...all(createProgram(), []).map(([, command]) => command)].map((command) => {
    let text = "";
    command.configureOutput({
      getOutHelpWidth: () => columns,
      writeOut: (more) => {
        text += more;
      },
    });
    command.outputHelp();
    return text;
  });
}

test("paragraphs of the help are joined and broken again, lists hang, and examples stay as they are", () => {
  const text =
    "\nOne two\nthree four five six.\n\nCodes:\n  0  it went well, so go on\n\n  a --very long example -- x\n";
  expect(reflow(text, 23)).toBe(
    "\nOne two three four five\nsix.\n\nCodes:\n  0  it went well, so\n     go on\n\n  a --very long example -- x\n",
  );
});

describe.each([60, 80, 120])("the help in %i cells", (columns) => {
  test("breaks no word, except in examples", () => {
    for (const help of helps(columns)) {
      const [text = "", more = ""] = help.split(/^Examples:\n(?: {2}.*\n)+/m);
      for (const line of [...text.split("\n"), ...more.split("\n")]) {
        const isOneWord = /^ *\S+$/.test(line);
        if (!isOneWord) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  test("begins with a command's own options, and calls nothing a choice that is an example", () => {
    for (const help of helps(columns)) {
      const headings: readonly string[] = help.match(/^[A-Z][a-z]+:$/gm) ?? [];
      expect(headings.indexOf("Options:")).toBeLessThan(
        headings.includes("Connection:") ? headings.indexOf("Connection:") : headings.length,
      );
      expect(help).not.toMatch(/choices:\s+"today"/);
    }
  });
});
