/** The line of a command's output that says why it failed. */

import { describe, expect, test } from "vitest";
import { CommandOutput, namesFailure } from "../../src/cli/exec/command-output.ts";

const SECRET = `0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b:1764000000000:${"0f1e2d3c".repeat(8)}`;

function errorLineOf(...chunks: readonly (string | readonly ["stdout" | "stderr", string])[]): string {
  const output = new CommandOutput([SECRET]);
  for (const chunk of chunks) {
    const [name, text] = typeof chunk === "string" ? (["stdout", chunk] as const) : chunk;
    output.push(name, Buffer.from(text));
  }
  return output.errorLine();
}

describe("a line", () => {
  test.each([
    "Error: the rollout stopped",
    "error[E0382]: use of moved value",
    "\x1b[31merror\x1b[0m: no such host",
    "FATAL could not connect",
    "3 of 40 tests failed",
    "BUILD FAILURE",
    "panic: runtime problem",
    "Traceback (most recent call last):",
    "TypeError: x is not a function",
    "OSError: [Errno 2]",
    "java.lang.NullPointerException: a",
    "##[error]It broke",
    "0 failed, 1 error",
    "10 failed",
  ])("that names a failure: %s", (line) => {
    expect(namesFailure(line)).toBe(true);
  });

  test.each([
    "12 passed, 0 failed",
    "Done: no error",
    "no-error",
    "Compiling ErrorBoundary.tsx",
    "terrors of errors",
    "exit_on_error is set",
    "FAIL src/a.test.ts",
    "",
  ])("that names none: %s", (line) => {
    expect(namesFailure(line)).toBe(false);
  });
});

describe("the error of a command", () => {
  test("is the first line that names a failure, although others follow", () => {
    const said = "working\nError: shop-42 is not healthy\n    at Rollout (/app/rollout.js:10:3)\nFatal: giving up\n";
    expect(errorLineOf(said, "bye\n")).toBe("Error: shop-42 is not healthy");
  });

  test("is else the last line that is not indented", () => {
    expect(errorLineOf("one\nThe rollout stopped\n    at Rollout (/app/rollout.js:10:3)\n")).toBe(
      "The rollout stopped",
    );
  });

  test("is found far before the tail, in pieces, and without a line end", () => {
    expect(errorLineOf("err", "or: early\n", `${"x".repeat(70)}\n`.repeat(1000))).toBe("error: early");
    expect(errorLineOf("fine\n", "the build failed")).toBe("the build failed");
    expect(errorLineOf(["stderr", "error: last"], ["stdout", "bye\n"])).toBe("error: last");
    expect(errorLineOf("10 %\r20 %\rfailed at 30 %\r")).toBe("failed at 30 %");
  });

  test("is a whole line of one stream, although both print at once", () => {
    expect(errorLineOf(["stdout", "one "], ["stderr", "Error: in "], ["stdout", "two\n"], ["stderr", "s.sh\n"])).toBe(
      "Error: in s.sh",
    );
    expect(errorLineOf(["stderr", "fatal: first\n"], ["stdout", "fatal: second\n"])).toBe("fatal: first");
  });

  test("hides a secret, also one that is broken into lines there", () => {
    expect(errorLineOf(`error: ${SECRET} is refused\n`)).toBe("error: *** is refused");
    const [begin, end] = [SECRET.slice(0, 40), SECRET.slice(40)];
    expect(errorLineOf("error: ", begin, "\n", end, " is refused\nbye\n")).toBe("error: *** is refused");
    expect(errorLineOf(`token ${begin}\n`, `${end} error\n`)).toBe("*** error");
  });

  test("is cut to 500 characters", () => {
    expect(errorLineOf(`error ${"x".repeat(100_000)}\n`)).toHaveLength(500);
  });

  test("a hostile line costs no more than its length", () => {
    const hostile = ["\x1b[".repeat(500_000), "no ".repeat(400_000), "0 failed ".repeat(150_000), ";".repeat(1e6)];
    // Judged whole here, which exec never does, so that work that grows with the square would take minutes.
    for (const line of hostile) expect(namesFailure(`failed0 ${line}`)).toBe(false);
    expect(errorLineOf(...hostile.map((line) => `${line}\n`))).not.toBe("");
  });
});
