/** What the dialogs of a run send, and the commands that do the same. */

import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { readCancel } from "../../../src/console/run/run-dialogs.tsx";
import { indentedJson } from "../../../src/console/run/values.tsx";
import {
  cancelCommands,
  readingCommands,
  retryCommands,
  shellWord,
  watchingCommands,
} from "../../../src/console/ui/shell-commands.tsx";

const ID = "01a212de-9b55-8003-a8a9-dd2c148ea617";
const TARGET = { origin: "https://runs.example", scope: { o: "acme", p: "shop", envName: "prod" } };
const HOSTILE = [
  'it\'s $(touch /tmp/x) `id` "$HOME" \\ !! ; & | > < * ? ~ # {a,b}',
  "-rf",
  "",
  "line\nbreak\ttab",
  "\u202Ebidi",
  "''",
  "%s%n",
];

describe("a cancel", () => {
  it("leaves empty fields to the service", () => {
    expect(readCancel({ "/reason": "  ", "/graceSeconds": " " })).toEqual({ value: {} });
    expect(readCancel({ "/reason": " a newer version ", "/graceSeconds": "0" })).toEqual({
      value: { reason: "a newer version", graceSeconds: 0 },
    });
  });

  it.each(["-1", "1.5", "3601", "1e3", "soon", "00000"])("with the grace %j asks for a number", (grace) => {
    expect(readCancel({ "/reason": "", "/graceSeconds": grace })).toEqual({
      problems: new Map([["/graceSeconds", expect.any(String)]]),
    });
  });
});

describe("a command", () => {
  const printed = (script: string) =>
    execFileSync("sh", ["-c", script], { encoding: "utf8", env: { ACTION_RUNS_TOKEN: "secret" } }).split("\0");
  /** The words that a program gets. */
  const wordsOf = (command: string) => printed(`printf '%s\\0' ${command}`).slice(0, -1);
  /** What curl gets on stdin, and then its words. */
  const givenTo = (curl: string) => printed(`curl() { cat; printf '\\0'; printf '%s\\0' "$@"; }; ${curl}`).slice(0, -1);
  const RUN_URL = `https://runs.example/acme/shop/envs/prod/action-runs/${ID}`;
  const CONNECTION = ["--url", "https://runs.example", "--org", "acme", "--project", "shop", "--env", "prod"];

  it("reaches the program just as it is, whatever a text contains", () => {
    expect(wordsOf(HOSTILE.map(shellWord).join(" "))).toEqual(HOSTILE);
  });

  it("says what the dialogs say", () => {
    const [reason = ""] = HOSTILE;
    const cancel = cancelCommands(TARGET, ID, { reason, graceSeconds: 30 });
    expect(wordsOf(cancel.cli)).toEqual([
      "action-runs",
      "cancel",
      ID,
      "--reason",
      reason,
      "--grace",
      "30",
      ...CONNECTION,
    ]);
    expect(givenTo(cancel.curl)).toEqual(
      expect.arrayContaining(["POST", JSON.stringify({ reason, graceSeconds: 30 }), `${RUN_URL}/cancel`]),
    );
    const retry = retryCommands(TARGET, ID, '{"a": 9007199254740993, "b": "it\'s"}');
    expect(wordsOf(retry.cli)).toContain('{"a": 9007199254740993, "b": "it\'s"}');
    expect(givenTo(retry.curl)).toContain('{"parameters":{"a": 9007199254740993, "b": "it\'s"}}');
  });

  it("of a retry leaves parameters out that nobody edited", () => {
    const { cli, curl } = retryCommands(TARGET, ID, null);
    expect(wordsOf(cli)).toEqual(["action-runs", "retry", ID, ...CONNECTION]);
    expect(givenTo(curl)).toContain("{}");
  });

  it("of a retry says when the new run starts, and for whom, if somebody said so", () => {
    const [person = ""] = HOSTILE;
    const at = "2026-12-01T06:00:00.000Z";
    const { cli, curl } = retryCommands({ ...TARGET, person }, ID, '{"a":1}', at);
    const acting = [...CONNECTION, "--on-behalf-of", person];
    const flags = ["--replace-parameters", "--parameters", '{"a":1}', "--not-before", at];
    expect(wordsOf(cli)).toEqual(["action-runs", "retry", ID, ...flags, ...acting]);
    expect(givenTo(curl)).toEqual(
      expect.arrayContaining([`On-Behalf-Of: ${person}`, `{"parameters":{"a":1},"notBefore":"${at}"}`]),
    );
  });

  it("gets the token from a variable: curl gets it on stdin, and not among its words", () => {
    const all = [readingCommands(TARGET, ID), watchingCommands(TARGET, ID), cancelCommands(TARGET, ID, {})];
    for (const { cli, curl } of [...all, retryCommands(TARGET, ID, null)]) {
      const [stdin, ...words] = givenTo(curl);
      expect(stdin).toBe("Authorization: Bearer secret");
      expect([...words, ...wordsOf(cli)].join()).not.toContain("secret");
    }
  });
});

describe("raw JSON", () => {
  it("gets line breaks, and its numbers and texts stay as they are", () => {
    const sent = '{"a":9007199254740993,"b":[1.0,-0,1e400,{}],"c":"{\\"x\\": [1, 2]}, \\\\","d":[],"e":null}';
    expect(indentedJson(sent)).toBe(
      [
        "{",
        '  "a": 9007199254740993,',
        '  "b": [',
        "    1.0,",
        "    -0,",
        "    1e400,",
        "    {}",
        "  ],",
        '  "c": "{\\"x\\": [1, 2]}, \\\\",',
        '  "d": [],',
        '  "e": null',
        "}",
      ].join("\n"),
    );
  });

  it("is what JSON.stringify prints, for what it can print", () => {
    const value = { a: [[], {}, [{ b: [1, "\u2028 :,[]{}"] }]], "": { "\\": '"' }, c: true };
    expect(indentedJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
  });
});
