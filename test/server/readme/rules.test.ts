/** The rules for finding, running and comparing the documents' blocks, tested on small documents. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { blocksOf, faultsOf } from "./document.ts";
import { commandsOf, furnish, Session } from "./session.ts";
import { readShown, shapeFaults } from "./shape.ts";

const block = (language: string, text = "x", mark = "") => `${mark}\n\`\`\`${language}\n${text}\n\`\`\`\n`;

describe("blocks", () => {
  it("are found in order, with their line and mark, and without a list's indent", () => {
    const markdown = `Text\n${block("sh", "a\n\nb")}1. Item\n   <!-- answers 409 -->\n   ~~~~json\n   {\n     "a": 1 }\n   ~~~~\n`;
    expect(blocksOf("D", markdown)).toEqual([
      { at: "D:3", language: "sh", text: "a\n\nb", notRun: null, answers: null },
      { at: "D:10", language: "json", text: '{\n  "a": 1 }', notRun: null, answers: 409 },
    ]);
    expect(blocksOf("D", block("sh", "a", "<!-- not run: needs an account -->"))[0]?.notRun).toBe("needs an account");
  });

  it.each([
    ["no language", block(""), 'nobody knows how to run ""'],
    ["one that nobody can run", block("yaml"), 'nobody knows how to run "yaml"'],
    ["a mark without a reason", block("sh", "x", "<!-- not run -->"), "say why"],
    ["a mark with an empty reason", block("yaml", "x", "<!-- not run: -->"), "say why"],
    ["a mark whose reason is no word", block("sh", "x", "<!-- not run: … -->"), "say why"],
    ["JSON that answers nothing", block("json"), "follows no block that is run"],
    [
      "JSON below a block that is not run",
      block("sh") + block("sh", "x", "<!-- not run: why -->") + block("json"),
      "follows no",
    ],
  ])("are refused with %s", (_, markdown, sentence) => {
    expect(faultsOf(blocksOf("D", markdown), ["sh"])).toEqual([expect.stringContaining(sentence)]);
  });

  it.each([
    ["a fence that is never closed", "```sh\nx\n", "D:1: this block is never closed."],
    ["a mark with no fence below it", `<!-- not run: why -->\n${block("sh")}`, "no block begins on the line below"],
  ])("can't be read with %s", (_, markdown, sentence) => {
    expect(() => blocksOf("D", markdown)).toThrow(sentence);
  });

  it("are accepted if their language can be run, or if they say why not", () => {
    const markdown = block("sh") + block("json") + block("yaml", "x", "<!-- not run: a file of GitLab's -->");
    expect(faultsOf(blocksOf("D", markdown), ["sh"])).toEqual([]);
  });
});

describe("a shown response", () => {
  it.each([
    ["lacks a member", '{"a":1}', { a: 2, b: null }, ["answer.b was answered, but is not shown."]],
    ["has one too many", '{"a":1,"b":1}', { a: 2 }, ["answer.b is shown, but was not answered."]],
    ["has one that only all objects have", '{"toString":1}', {}, ["answer.toString is shown, but was not answered."]],
    [
      "has null for a text",
      '{"a":{"b":null}}',
      { a: { b: "x" } },
      ["answer.a.b is shown as null, but was of type string."],
    ],
    ["has an object for an array", '{"a":{}}', { a: [] }, ["answer.a is shown as of type object, but was an array."]],
    [
      "tells another end",
      '{"status":"failed"}',
      { status: "succeeded" },
      ['answer.status is shown as "failed", but was "succeeded".'],
    ],
    ["has an item too few", "[1]", [1, 2], ["answer is shown with 1 items, but had 2."]],
    [
      "has a wrong last item after a gap",
      "[1,\n …\n null]",
      [1, 2, 3, 4],
      ["answer[3] is shown as null, but was of type number."],
    ],
    ["has more beside its gap than there was", "[1,\n …\n 2]", [1], ["answer is shown with 3 items, but had 1."]],
  ])("that %s is rejected", (_, shown, answered, faults) => {
    expect(shapeFaults(readShown(shown), answered)).toEqual(faults);
  });

  it("may have other values, and any number of items for its gap", () => {
    const shown = readShown('[{"id":"a…","n":1},\n …\n {"id":"b","n":2}]');
    const item = { id: "c", n: 3 };
    for (const count of [2, 3, 9]) expect(shapeFaults(shown, Array(count).fill(item))).toEqual([]);
  });
});

describe("a shell", () => {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-session-"));
  furnish(folder);
  const session = new Session(folder, folder, "test");
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("gets one whole command after the other", () => {
    const commands = ["A=1   # one", "curl -s \\\n  -d '{\n\n# no comment\n}'", 'if true\nthen echo "$A"\nfi'];
    expect(commandsOf(`# first\n${commands.join("\n\n")}\n`)).toEqual(commands);
    expect(() => commandsOf("echo 'a")).toThrow("The shell can't read this:\necho 'a");
  });

  it("keeps variables and the folder from one command to the next", async () => {
    session.set({ GIVEN: "it is" });
    await session.run(`MADE="$GIVEN a 'quoted' word"; cd bin`);
    const ran = await session.run('test -e node && echo "$MADE"');
    expect(ran).toEqual({ code: 0, stdout: "it is a 'quoted' word\n", stderr: "" });
    session.set({ GIVEN: "now" });
    expect(await session.get("GIVEN")).toBe("now");
    await expect(session.get("NOT_SET")).rejects.toThrow("NOT_SET");
  });

  it.each([
    ["an unset variable", 'echo "$NOBODY_SET_IT"', /NOBODY_SET_IT/],
    ["a program that is not at hand", "wrangler login", /not found/],
    ["a command that fails before the last", "false; echo on", /^$/],
    ["a way out of this machine", "curl -sS http://192.0.2.1/", /127\.0\.0\.1|^$/],
  ])("stops at %s", async (_, command, says) => {
    const ran = await session.run(command);
    expect(ran).toMatchObject({ code: expect.any(Number), stdout: "" });
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toMatch(says);
  });

  it("runs TypeScript with its variables", async () => {
    const program = "const given: string | undefined = process.env.GIVEN;\nconsole.log(given);";
    expect(await session.runTypeScript(program)).toEqual({ code: 0, stdout: "now\n", stderr: "" });
  });
});
