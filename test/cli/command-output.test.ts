/** What a report shows of a command's output: its end, and the line that says why it failed. No secret is in either. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CommandOutput, lastLine, namesFailure, Tail } from "../../src/cli/exec/command-output.ts";

const SECRET = `0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b:1764000000000:${"0f1e2d3c".repeat(8)}`;

function tailOf(output: string | Buffer, secrets: readonly string[] = [SECRET]): string {
  const tail = new Tail();
  tail.push(Buffer.from(output));
  return tail.text(secrets);
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
/** As `base64` prints it. */
const inLines = (text: string) => text.replace(/.{76}/g, "$&\n");

describe("a secret in the tail is hidden", () => {
  test("however long it is", () => {
    const secret = `eyJ${"aZ9_-.".repeat(1000)}`;
    for (const text of [secret, encodeURIComponent(secret), base64(secret)]) {
      expect(tailOf(`token ${text}\n`, [secret])).toMatch(/^token .{0,2}\*\*\*.{0,4}\n$/);
    }
  });

  test.each([
    ["as it is", SECRET],
    ["in upper case", SECRET.toUpperCase()],
    ["percent-encoded", encodeURIComponent(SECRET)],
    ["percent-encoded in lower case", encodeURIComponent(SECRET).toLowerCase()],
    ["with each byte percent-encoded", SECRET.replace(/./g, (one) => `%${Buffer.from(one).toString("hex")}`)],
    ["broken into lines", SECRET.replace(/.{40}/g, "$&\r\n")],
    ["with colours inside", SECRET.replace(/.{10}/g, "\x1b[31m$&\x1b[0m")],
    ["as UTF-16", Buffer.from(SECRET, "utf16le").toString("latin1")],
  ])("shows *** for one that is printed %s", (_, printed) => {
    expect(tailOf(`before ${printed} after`)).toBe("before *** after");
  });

  test.each(["", "x", "xy"])("in base64, in one line or several, with %j before it", (before) => {
    for (const after of ["", "z", "zz", "\n"]) {
      const encoded = base64(before + SECRET + after);
      for (const printed of [encoded, inLines(encoded)]) {
        // A character at each edge may have some bits of the secret, fewer than a byte.
        expect(tailOf(`${printed}.`)).toMatch(/^.{0,3}\*\*\*[^*]{0,6}\.$/s);
      }
    }
  });

  test("in the base64 of URLs", () => {
    const secret = "~~~???>>>~~~???>>>~~~";
    expect(base64(secret)).toMatch(/[+/]/);
    expect(tailOf(Buffer.from(secret).toString("base64url"), [secret])).toBe("***");
  });

  test("each of several, and as often as it comes", () => {
    expect(tailOf("one two one", ["one", "", "two"])).toBe("*** *** ***");
  });

  test("although its characters mean something in an expression", () => {
    expect(tailOf("a.*[b](c){1}|^$+?\\/- a-b", ["a.*[b](c){1}|^$+?\\/-"])).toBe("*** a-b");
  });
});

describe("the tail", () => {
  test("is the last 16 KiB, in whole characters", () => {
    expect(tailOf("a".repeat(20_000)) === "a".repeat(16_384)).toBe(true);
    expect(tailOf(`${"é".repeat(10_000)}x`) === `${"é".repeat(8191)}x`).toBe(true);
    expect(tailOf("short")).toBe("short");
    expect(Buffer.byteLength(tailOf(Buffer.alloc(30_000, 0xff)))).toBeLessThanOrEqual(16_384);
  });

  test("shows no rest of a secret that begins before it, however often secrets follow", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(SECRET, "x", "\n", "\x1b[31m", base64(SECRET)), { minLength: 300, maxLength: 600 }),
        fc.integer({ min: 1000, max: 30_000 }),
        (parts, chunk) => {
          const tail = new Tail();
          const bytes = Buffer.from(parts.join(" "));
          for (let at = 0; at < bytes.length; at += chunk) tail.push(bytes.subarray(at, at + chunk));
          expect(tail.text([SECRET])).not.toMatch(/[\w:=-]{4}/);
        },
      ),
    );
  });

  test("shows nothing from before it, although hidden secrets make it shorter", () => {
    expect(tailOf(`${SECRET} old ${SECRET.repeat(20)}${"x".repeat(16_384 - 20 * SECRET.length)}`)).toMatch(/^\**x+$/);
  });

  test("is the same in whatever pieces it comes", () => {
    const tail = new Tail();
    tail.push(Buffer.from("-".repeat(16_300)));
    for (const byte of Buffer.from(`${"-".repeat(90)}${SECRET}é`)) tail.push(Buffer.of(byte));
    expect(tail.text([SECRET])).toBe(tailOf(`${"-".repeat(16_390)}${SECRET}é`));
    expect(tail.text([SECRET])).toMatch(/^-+\*\*\*é$/);
  });
});

test("the last line is the last one that is not indented, or else the last one that is not blank", () => {
  expect(lastLine("one\ntwo\r\n \n")).toBe("two");
  expect(lastLine("the rollout broke\n  at Rollout (a.js:1)\n\tat main\n")).toBe("the rollout broke");
  expect(lastLine("  one\n  two\n")).toBe("  two");
  expect(lastLine(" \n")).toBe("");
});

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
