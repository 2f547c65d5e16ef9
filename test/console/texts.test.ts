/** Texts that others wrote: their lines, and what the console links. Everything else stays text. */

import { describe, expect, it } from "vitest";
import { newestTail } from "../../src/console/run/use-run.ts";
import { errorPartsOf, indentedJson, indentedMember } from "../../src/console/run/values.tsx";
import { fragmentOf, hasLines, linesOf, lineTargetOf, openingLineOf } from "../../src/console/ui/json-tree.tsx";
import { ExternalLink } from "../../src/console/ui/parts.tsx";

describe("a text", () => {
  it.each([
    ["a\nb", ["a", "b"]],
    ["a\r\nb\rc\n", ["a", "b", "c"]],
    ["\n\na", ["", "", "a"]],
    ["a\n\n", ["a", ""]],
  ])("%j has the lines %j", (text, lines) => {
    expect([linesOf(text), hasLines(text)]).toEqual([lines, true]);
  });

  it.each(["", "a", "a\n", "a\u2028b"])("%j is no block", (text) => {
    expect(hasLines(text)).toBe(false);
  });
});

describe("a fragment", () => {
  it.each([
    ["#L188", { block: null, line: 188 }],
    ["#output.log-L1", { block: "output.log", line: 1 }],
    ["#attempt-2-L3", { block: "attempt-2", line: 3 }],
    [`${fragmentOf("output.a b/ü-L4")}7`, { block: "output.a b/ü-L4", line: 7 }],
  ])("%s names a line", (fragment, target) => {
    expect(lineTargetOf(fragment)).toEqual(target);
  });

  it.each(["", "#", "#L", "#Lx", "#output", "#L12345678", "#%E0%A4-L3"])("%j names none", (fragment) => {
    expect(lineTargetOf(fragment)).toBeNull();
  });
});

describe("an error", () => {
  const JAVA = `
java.lang.IllegalStateException: no rollout
  expected: 3
\tat com.example.Rollout.run(Rollout.java:7)
\t... 12 more
Caused by: java.net.ConnectException: refused
\tat java.base/sun.nio.ch.Net.poll(Native Method)
\tSuppressed: java.io.IOException: closed`;
  const NODE = `Error: no rollout
    at run (file:///job.js:3:7) {
  [cause]: Error: refused
      at connect (file:///job.js:9:1)
}`;
  const PYTHON = `Traceback (most recent call last):
  File "job.py", line 3, in run
    connect()
ConnectionError: refused

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "job.py", line 9, in <module>
    run()
RuntimeError: no rollout`;
  const RUST = `Error: no rollout

Caused by:
    0: refused
    1: no route to host`;
  it.each([
    [
      "of Java",
      JAVA,
      "java.lang.IllegalStateException: no rollout",
      "  expected: 3",
      ["java.net.ConnectException: refused"],
      4,
    ],
    ["of Java, shortened", "a: b\nCaused by: c: d\n\t... 12 more\ne", "a: b", "", ["c: d"], 1],
    ["of Node", NODE, "Error: no rollout", "", ["Error: refused"], 2],
    ["of Python", PYTHON, "RuntimeError: no rollout", "", ["ConnectionError: refused"], 4],
    ["of Rust", RUST, "Error: no rollout", "", ["refused", "no route to host"], 0],
    [
      "of Go",
      "panic: no rollout\n\ngoroutine 1 [running]:\nmain.run()\n\t/job.go:7 +0x1d",
      "panic: no rollout",
      "",
      [],
      2,
    ],
    ["of a compiler", "2 errors\na.c:1: x\na.c:9: y", "2 errors", "a.c:1: x\na.c:9: y", [], 0],
    ["of one line", "Exit code 137", "Exit code 137", "", [], 0],
    ["of nothing but white space", " \n ", "", "", [], 0],
  ])("%s says what went wrong, what caused it, and how deep it was", (_, text, headline, detail, causes, frames) => {
    expect(errorPartsOf(linesOf(text))).toEqual({ headline, detail, causes, frames });
  });
});

describe("a text that a job printed", () => {
  it.each([
    "error: no such host",
    "Error: the rollout stopped",
    "error[E0382]: use of moved value",
    "ERROR in ./src/index.js",
    "FAIL test/a.test.ts",
    "FAILED tests/test_a.py::test_b",
    "FAILURE: Build failed with an exception.",
    "fatal: not a git repository",
    "Traceback (most recent call last):",
    "panic: runtime error",
    "TypeError: x is not a function",
    "npm ERR! code E404",
    "not ok 3 - adds",
    "✗ adds two numbers",
    "  × adds two numbers",
    "[2026-11-25T13:21:48.373Z] [error] no room",
    "13:21:48 ERROR no room",
    "##[error]Process completed with exit code 1.",
  ])("opens at a line that looks like an error: %s", (line) => {
    expect(openingLineOf(["begin", line, "error: another", "end"])).toBe(2);
  });

  it.each([
    "0 failed, 12 passed",
    "no errors",
    "errors.ts compiled",
    "the error handler is installed",
    "failover is on",
    "Tests: 3 passed",
    "",
  ])("opens at its end if no line looks like one: %s", (line) => {
    expect(openingLineOf(["begin", line, "end"])).toBe(3);
  });

  it("is looked through in no time, whatever it is", () => {
    const lines = ["1".repeat(1_000_000), " [".repeat(500_000), "w".repeat(1_000_000), ...Array(100_000).fill("T1:Z")];
    expect(openingLineOf(lines)).toBe(lines.length);
  });
});

describe("the newest output", () => {
  const read = (tail: string | null, at: string) => ({ at, message: null, progress: null, tail });
  const came = { tail: "live", at: "2026-01-01T00:00:02.000Z" };
  it.each([
    [null, null, null],
    [read(null, "2026-01-01T00:00:09.000Z"), came, came],
    [read("read", "2026-01-01T00:00:01.000Z"), came, came],
    [read("live", "2026-01-01T00:00:02.000Z"), came, came],
    [read("read", "2026-01-01T00:00:03.000Z"), came, { tail: "read", at: "2026-01-01T00:00:03.000Z" }],
    [read("read", "2026-01-01T00:00:03.000Z"), null, { tail: "read", at: "2026-01-01T00:00:03.000Z" }],
  ])("of a read %j and a stream %j is the newer one", (heartbeat, streamed, newest) => {
    expect(newestTail(heartbeat, streamed)).toEqual(newest);
  });
});

describe("the text of a member", () => {
  const RUN =
    '{"id":"a","output":{"parameters":1},"parameters": {"n": 9007199254740993, "t": "},\\"x"} ,"z":[1,{"q":2}]}';
  it.each([
    ["parameters", '{"n": 9007199254740993, "t": "},\\"x"}'],
    ["id", '"a"'],
    ["z", '[1,{"q":2}]'],
    ["n", null],
    ["a", null],
  ])("%s is as the server sent it, with line breaks", (name, expected) => {
    expect(indentedMember(RUN, name)).toBe(expected && indentedJson(expected));
  });
});

/** The element that the console makes of the text: its name, where it leads, and what it shows. */
function shown(text: string) {
  const { type, props } = ExternalLink({ href: text });
  const { href = null, children } = props as { readonly href?: string; readonly children: unknown };
  const inner = JSON.stringify(children);
  return { element: type, href, showsText: inner.includes(JSON.stringify(text)) };
}

describe("the console", () => {
  it.each([
    "https://github.com@evil.example/",
    "https://github.com:443@evil.example/octo/shop/actions/runs/1",
    "https://@evil.example/",
    "https:\\\\github.com@evil.example/",
    "https://github.com\\@evil.example/",
    "http://ci.example.com/jobs/1",
    "javascript:alert(1)",
    "https://ci.example.com/a b",
    `https://ci.example.com/${"x".repeat(2048)}`,
  ])("shows as text: %s", (text) => {
    expect(shown(text)).toEqual({ element: "bdi", href: null, showsText: true });
  });

  it("links an https address, in the spelling of the URL parser, which is also what it shows", () => {
    const address = "https://ci.example.com/caf%C3%A9";
    expect(shown(address)).toEqual({ element: "a", href: address, showsText: true });
    const { href, showsText } = shown("HTTPS://CI.example.com/caf\u00e9");
    expect({ href, showsText }).toEqual({ href: address, showsText: false });
  });
});
