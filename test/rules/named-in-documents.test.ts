/** The documents name what the code has: events, causes, audited acts, lines of the log, and codes of errors. */

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";
import { ERRORS } from "../../src/http/errors.ts";
import { END_CAUSES, WAITING_FOR } from "../../src/runs/run.ts";

const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const api = read("docs/api.md");

/** The texts of a union type, as its source spells them. */
function unionIn(file: string, type: string): readonly string[] {
  const [, union = ""] = new RegExp(`(?:type|const) ${type} =([^;]*);`).exec(read(file)) ?? [];
  const names = [...union.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
  expect(names, `${file} has ${type}`).not.toEqual([]);
  return names;
}

it("docs/api.md names every event of a timeline, every cause of an end and every gate", () => {
  const names = [...unionIn("src/runs/timeline.ts", "TimelineEventType"), ...END_CAUSES, ...WAITING_FOR];
  expect(names.filter((name) => !api.includes(`\`${name}\``))).toEqual([]);
});

it("docs/api.md names every act in the audit", () => {
  const endpoint = "webhook_endpoint_";
  const isNamed = (act: string) =>
    api.includes(`\`${act}\``) || (act.startsWith(endpoint) && api.includes(`\`${act.slice(endpoint.length)}\``));
  expect(unionIn("src/auth/audit.ts", "AUDIT_ACTIONS").filter((act) => !isNamed(act))).toEqual([]);
});

it("docs/operations.md names every line of the log", () => {
  const operations = read("docs/operations.md");
  const files = globSync("src/**/*.ts", { cwd: ROOT, exclude: ["src/{cli,client,console,dev,openapi}/**"] });
  const written = /\blog(?:Failure\(|\(\s*"\w+",)\s*"(\w+)"/g;
  const lines = files.flatMap((file) => [...read(file).matchAll(written)].map(([, name = ""]) => name));
  expect(lines.length).toBeGreaterThan(20);
  expect([...new Set(lines)].filter((name) => !operations.includes(`\`${name}\``))).toEqual([]);
});

it("CONTRIBUTING.md names what the sources have", () => {
  const sources = globSync("{src,test,bench}/**/*.{ts,tsx}", { cwd: ROOT }).map(read).join("\n");
  const named = [...read("CONTRIBUTING.md").matchAll(/`([A-Za-z_]+)(?:\(\))?`/g)].map(([, name = ""]) => name);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))).toEqual([]);
});

it("every code that a document gives to an error is one of the table", () => {
  const documents = ["README.md", "SECURITY.md", ...globSync("docs/*.md", { cwd: ROOT })];
  const given = documents.flatMap((file) =>
    [...read(file).matchAll(/\b(?:4\d\d|50\d) `(\w+)`/g)].map(([, code = ""]) => `${file}: ${code}`),
  );
  expect(given.length).toBeGreaterThan(30);
  expect(given.filter((one) => !((one.split(": ")[1] ?? "") in ERRORS))).toEqual([]);
});
