/** Whatever a command prints: people see each character of it, and no CI product finds a command in a line. */

import { stripVTControlCharacters } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import { approvalText } from "../../src/cli/commands/gates.ts";
import { screenOn } from "../../src/cli/follow.ts";
import { Output, plain, toJson, wrap } from "../../src/cli/output.ts";
import { runText } from "../../src/cli/run-text.ts";

import type { Schemas } from "../../src/client/index.ts";
import { RUN } from "./misbehaving.ts";

afterEach(() => vi.unstubAllEnvs());

/** A terminal that keeps what is printed. */
function terminal(columns: number) {
  const printed: string[] = [];
  const stream = {
    isTTY: true,
    columns,
    on() {},
    off() {},
    write(text: string) {
      printed.push(text);
      return true;
    },
  } as unknown as NodeJS.WriteStream;
  return { output: new Output({ json: false }, stream), stream, text: () => printed.join("") };
}

const BRANCHES = ["main", "main\u200b", "main\u202e", "main\u{e0065}\u{e0076}", "main\x9b8m"];
const OF_BRANCHES = ["main", "main\\u200b", "main\\u202e", "main\\udb40\\udc65\\udb40\\udc76", "main\\u009b8m"];

const APPROVAL: Schemas["RunApproval"] = {
  required: 1,
  allowSelf: false,
  title: null,
  subject: null,
  tokens: null,
  until: null,
  approvals: [],
  refusals: { approve: null, reject: null },
  request: null,
  action: { name: "deploy", version: 1, isChanged: false },
};

describe("branches that look the same are different texts", () => {
  test.each<[string, (branch: string, output: Output) => string]>([
    ["a run", (branch, output) => runText({ ...RUN, parameters: { branch } } as Schemas["ActionRun"], output)],
    ["the name of an action", (actionName, output) => runText({ ...RUN, actionName } as Schemas["ActionRun"], output)],
    [
      "what an approver decides about",
      (branch, output) => {
        const request = { method: "POST" as const, url: "https://ci.example/", headers: {}, payload: { branch } };
        return approvalText({ ...APPROVAL, request }, output);
      },
    ],
    ["a table", (branch, output) => output.table([branch], [["BRANCH", String]])],
    ["JSON", (branch) => toJson({ branch })],
    ["a line of its own, which nothing has made plain", (branch) => branch],
  ])("in %s", async (_what, textOf) => {
    for (const [index, branch] of BRANCHES.entries()) {
      const { output, text } = terminal(80);
      await output.line(textOf(branch, output));
      expect(stripVTControlCharacters(text())).toMatch(/^[\n -~]+$/);
      expect(text()).toMatch(new RegExp(`${OF_BRANCHES[index]?.replaceAll("\\", "\\\\")}(?![\\\\\\w])`));
    }
  });

  test("in a line that changes in place", () => {
    for (const [index, branch] of BRANCHES.entries()) {
      const { stream, text } = terminal(80);
      screenOn(stream, { endsWithInterrupt: false }).show(() => branch);
      expect(text()).toBe(`\r\x1b[J${OF_BRANCHES[index]}\r`);
    }
  });
});

test("only colours of our own reach the terminal", async () => {
  vi.stubEnv("NO_COLOR", "");
  vi.stubEnv("TERM", "xterm");
  const { output, text } = terminal(80);
  await output.line(`${output.paint("red", plain("\x1b[1mx"))} \x1b[8mhidden\x1b[0m`);
  expect(text()).toBe("\x1b[31m\\u001b[1mx\x1b[0m \\u001b[8mhidden\x1b[0m\n");
});

describe("no line is a command of a CI product", () => {
  test.each([
    ["::error::x", ": :error::x"],
    ["a\n  ::stop-commands::x", "a\n  : :stop-commands::x"],
    ["a ::error::x", "a ::error::x"],
    ["a ##[error]x", "a # #[error]x"],
    ["a ##vso[task.complete]x", "a # #vso[task.complete]x"],
    ["a ##TeamCity[blockOpened]x", "a # #TeamCity[blockOpened]x"],
    ["###any.word-of[x]", "## #any.word-of[x]"],
    ["# a ## heading [x]", "# a ## heading [x]"],
  ])("prints %j as %j", async (lines, printed) => {
    const { output, text } = terminal(80);
    await output.line(lines);
    expect(text()).toBe(`${printed}\n`);
  });

  test("also if a line begins with it only because it is broken between words", async () => {
    const { output, text } = terminal(30);
    await output.line(wrap(plain(`${"a".repeat(29)} ::error::x`), output.columns));
    expect(text()).toBe(`${"a".repeat(29)}\n: :error::x\n`);
  });

  test("and JSON is the JSON of the same value", () => {
    const value = { "##vso[x]": "::a ##teamcity[x] ####" };
    const json = toJson(value);
    expect(json).not.toMatch(/##/);
    expect(JSON.parse(json)).toEqual(value);
  });
});
