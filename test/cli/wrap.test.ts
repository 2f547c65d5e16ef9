/** What the command line prints fits a terminal, and is broken between words. */

import stringWidth from "string-width";
import { describe, expect, test } from "vitest";
import type { CliCommand } from "../../src/cli/command.ts";
import { Output, reflow, wrap } from "../../src/cli/output.ts";
import { createProgram } from "../../src/cli/program.ts";
import { eventText, runText } from "../../src/cli/run-text.ts";

import type { Schemas } from "../../src/client/index.ts";
import { RUN } from "./misbehaving.ts";

/** A terminal of this width, without colour. */
function terminal(columns: number): Output {
  process.env.NO_COLOR = "1";
  return new Output({ json: false }, { isTTY: true, columns } as NodeJS.WriteStream);
}

function all(command: CliCommand): CliCommand[] {
  return [command, ...(command.commands as readonly CliCommand[]).flatMap(all)];
}

/** The help of each command, as a terminal of this width shows it. */
function helps(columns: number): readonly string[] {
  return all(createProgram()).map((command) => {
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

test("a line is broken between words, goes on below its text, and long words stay whole", () => {
  expect(wrap("    at one (two) three four five", 24)).toBe("    at one (two) three\n    four five");
  expect(wrap("2026  the first and the second part", 26, 6)).toBe("2026  the first and the\n      second part");
  expect(wrap("see https://ci.example.com/jobs/1 and wait", 20)).toBe("see\nhttps://ci.example.com/jobs/1\nand wait");
  expect(wrap("部署到 生产环境 并通知 所有值班", 20)).toBe("部署到 生产环境\n并通知 所有值班");
  expect(wrap("a b c d e f g h i j k l m", 19)).toBe("a b c d e f g h i j k l m");
  expect(wrap("one two three four five six", Number.POSITIVE_INFINITY)).toBe("one two three four five six");
});

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

test.each([60, 80])("in %i cells an error and an event are broken between words", (columns) => {
  const error = `TypeError: ${"the search index of the tenant was gone ".repeat(4)}\n    at main (/srv/search/main.js:3:1)`;
  const run = runText({ ...RUN, status: "failed", error } as Schemas["ActionRun"], terminal(columns)).split("\n");
  const shown = run.slice(run.findIndex((line) => line.startsWith("error:")));
  for (const line of shown) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
  expect(shown.map((line) => line.slice(17)).join(" ")).toContain("gone the search index of the tenant was");
  expect(shown.at(-1)).toBe(`${" ".repeat(21)}at main (/srv/search/main.js:3:1)`);

  const event = { seq: 3, type: "attempt_answered", at: RUN.createdAt, attempt: 1, outcome: "retry" };
  const reason = "could not be reached, or broke the connection off";
  const lines = eventText({ ...event, reason, nextAttemptAt: RUN.createdAt }, terminal(columns)).split("\n");
  expect(lines.length).toBeGreaterThan(1);
  for (const [index, line] of lines.entries()) {
    expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    if (index > 0) expect(line).toMatch(/^ {22}\S/);
  }
});
